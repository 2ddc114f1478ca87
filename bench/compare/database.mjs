import pg from 'pg';

let made = 0;

/** Runs something with a database of its own in the server of this URL: ids and tables of another run are not there. */
export async function withDatabase(serverUrl, use) {
  const name = `vagus_bench_${process.pid}_${made++}`;
  const admin = async (sql) => {
    const client = new pg.Client({ connectionString: serverUrl });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  await admin(`create database ${name}`);
  try {
    return await use(Object.assign(new URL(serverUrl), { pathname: `/${name}` }).href);
  } finally {
    await admin(`drop database ${name} with (force)`);
  }
}
