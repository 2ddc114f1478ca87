import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ackFinding, fail, ok, schemaFinding, serverFindings, type Finding } from './findings.ts';
import { placeOf, type StoreOptions } from './open.ts';
import { examine } from './postgres/examine.ts';
import { messageOf } from './postgres/pg-session.ts';

/** Examines the store that a node would open with these options, and changes nothing there. */
export async function examineStore(
  options: Omit<StoreOptions, 'onIdleError' | 'onEnd'>,
): Promise<readonly Finding[]> {
  const {
    databaseUrl,
    dataDir,
    connections,
    statementTimeoutMs,
    pooler = 'auto',
    fsyncOff = 'refuse',
  } = options;
  const plan = { pooler, fsyncOff, connections };
  if (databaseUrl === undefined) {
    // To open the embedded database is to change it.
    const isMade = existsSync(join(dataDir, 'pgdata', 'PG_VERSION'));
    const what = isMade ? 'in' : 'to be made in';
    return [ok('connection', `the embedded database, ${what} ${dataDir}`), ackFinding('embedded', plan)];
  }
  const place = `the database${placeOf(databaseUrl)}`;
  try {
    const found = await examine({ url: databaseUrl, place, statementTimeoutMs, pooler });
    return [
      ...serverFindings(found.server, plan),
      schemaFinding(found.schema),
      ackFinding(found.commits, plan),
    ];
  } catch (error) {
    return [
      fail('connection', `${place} of DATABASE_URL (databaseUrl) cannot be examined: ${messageOf(error)}`),
    ];
  }
}
