import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { dataDir } from '@electric-sql/pglite-prepopulatedfs';
import type { WorkerReply, WorkerRequest, WorkerStart } from './pglite-protocol.ts';

// PostgreSQL inside the process, in its own thread: a statement must not hold up the event loop (D19).

if (!parentPort) throw new Error('this file is the body of a worker thread');
const port = parentPort;
const { folder, isNew } = workerData as WorkerStart;

const INT8 = 20;

/** The cache of pages. This process has it in memory from the start, and PostgreSQL's default of 128 MB suits a server. */
const SHARED_BUFFERS = 'shared_buffers=32MB';

// A new folder is filled from a template, since initialising one takes seconds.
const db = await PGlite.create({
  dataDir: folder,
  parsers: { [INT8]: Number },
  startParams: [...PGlite.defaultStartParams, '-c', SHARED_BUFFERS],
  ...(isNew ? { loadDataDir: await dataDir() } : {}),
});
// As in a session on a server (pg-settings.ts).
await db.exec('set enable_seqscan = off; set enable_bitmapscan = off');

const say = (reply: WorkerReply): void => port.postMessage(reply);

async function answer(request: WorkerRequest): Promise<void> {
  const { call } = request;
  try {
    switch (request.type) {
      case 'query': {
        const { rows } = await db.query<unknown[]>(request.text, request.values, { rowMode: 'array' });
        return say({ call, ok: true, rows });
      }
      case 'exec': {
        const results = await db.exec(request.text, { rowMode: 'array' });
        return say({ call, ok: true, rows: (results.at(-1)?.rows ?? []) as unknown as unknown[][] });
      }
      case 'close':
        await db.close();
        return say({ call, ok: true, rows: [] });
    }
  } catch (error) {
    const { code, message } = error as { code?: string; message?: string };
    // An error without a code is no answer of the database but its end, in the midst of a statement. A later start shows
    // what became of that. This thread cannot go on.
    if (code === undefined) throw error;
    say({ call, ok: false, sqlState: code, message: message ?? String(error) });
  }
}

port.on('message', (request: WorkerRequest) => void answer(request));
say({ call: 0, ok: true, rows: [] });
