import { SimDatabase } from '../../src/sim/ports/database.ts';
import type { DatabaseFault } from '../../src/sim/kit/faults.ts';
import { LogChecker } from '../../src/sim/checkers/log-checker.ts';
import { Random } from '../../src/sim/kit/random.ts';
import { SimLogStore } from '../../src/sim/ports/sim-log-store.ts';
import { Timeline } from '../../src/sim/kit/timeline.ts';
import { Trace } from '../../src/sim/kit/trace.ts';
import type { LogStore } from '../../src/runtime/ports/log-store.ts';
import { MemoryLogStore } from '../../src/store/memory/memory-log-store.ts';
import { logStoreFaultsContract } from '../contract/log-store-faults.contract.ts';
import { logStoreFencesContract } from '../contract/log-store-fences.contract.ts';
import { logStoreKeepingContract, type AgeingStore } from '../contract/log-store-keeping.contract.ts';
import { logStoreLeasesContract } from '../contract/log-store-leases.contract.ts';
import { logStoreViewContract } from '../contract/log-store-view.contract.ts';
import { logStoreContract } from '../contract/log-store.contract.ts';
import { removalsContract } from '../contract/removals.contract.ts';
import { revocationsContract } from '../contract/revocations.contract.ts';

// The simulated store under the suites that PostgreSQL is under, with time that passes while somebody waits.

/** A database, and ways to it; a violation of what the checkers hold is an error here. */
class Virtual {
  readonly timeline = new Timeline();
  /** What goes wrong with the next append. */
  fault: DatabaseFault | undefined;
  /** How far the database's clock is put back. */
  earlierMs = 0;
  readonly database: SimDatabase;
  readonly #trace = new Trace(this.timeline);

  /** @param prunes The checker knows nothing of retention: to it an id that may be used again is there twice. */
  constructor({ prunes = false } = {}) {
    const { timeline } = this;
    const begunAt = Date.now();
    const memory = new MemoryLogStore({
      log: '00000000-0000-4000-8000-000000000001',
      wall: () => begunAt + Math.floor(timeline.now) - this.earlierMs,
    });
    const checker = new LogChecker(timeline, (invariant, text) => {
      if (prunes && invariant === 6) return;
      throw new Error(`invariant ${invariant}: ${text}`);
    });
    this.database = new SimDatabase({ memory, timeline, trace: this.#trace, checker });
  }

  way(name: string, hasFaults: boolean): SimLogStore {
    return new SimLogStore({
      database: this.database,
      timeline: this.timeline,
      trace: this.#trace,
      random: new Random(1, 'store', name),
      faultOf: (call) => (hasFaults && call === 'append' ? this.fault : undefined),
      enter: (run) => run(),
    });
  }

  async finish<Value>(promise: Promise<Value>): Promise<Value> {
    let isOver = false;
    const over = promise.finally(() => (isOver = true));
    for (let turns = 0; ; turns++) {
      // What has been answered is taken note of by promises, which have turns of their own.
      for (let n = 0; n < 10; n++) await Promise.resolve();
      if (isOver) return over;
      if (!this.timeline.step(this.timeline.now + 60_000) && turns > 100) throw new Error('it never ends');
    }
  }

  async with<Value>(fault: DatabaseFault, run: () => Promise<Value>): Promise<Value> {
    this.fault = fault;
    const pending = run();
    this.fault = undefined;
    return this.finish(pending);
  }
}

/** A store whose calls take no time for who makes them: for the suite that knows nothing of virtual time. */
function instant(virtual: Virtual, store: SimLogStore): LogStore {
  return {
    log: store.log,
    call: (name, request, deadlineMs, done) => {
      const replies: unknown[] = [];
      store.call(name, request, deadlineMs, (reply) => {
        replies.push(reply);
        done(reply);
      });
      while (replies.length === 0) virtual.timeline.step(virtual.timeline.now + 60_000);
    },
  };
}

logStoreContract('simulated', async () => {
  const virtual = new Virtual();
  return { store: instant(virtual, virtual.way('only', false)), close: async () => {} };
});

logStoreFencesContract('simulated', async () => {
  const virtual = new Virtual();
  return { store: instant(virtual, virtual.way('only', false)), close: async () => {} };
});

revocationsContract('simulated', async () => {
  const virtual = new Virtual();
  return { store: instant(virtual, virtual.way('only', false)), close: async () => {} };
});

removalsContract('simulated', async () => {
  const virtual = new Virtual();
  const pass = async (ms: number): Promise<void> => void (virtual.earlierMs -= ms);
  return { store: instant(virtual, virtual.way('only', false)), pass, close: async () => {} };
});

const ageing = async (): Promise<AgeingStore> => {
  const virtual = new Virtual({ prunes: true });
  return {
    store: instant(virtual, virtual.way('only', false)),
    earlier: async (ms, _, run) => {
      virtual.earlierMs = ms;
      return run().finally(() => (virtual.earlierMs = 0));
    },
    close: async () => {},
  };
};

logStoreKeepingContract('simulated', ageing);
logStoreLeasesContract('simulated', ageing);
logStoreViewContract('simulated', ageing);

logStoreFaultsContract('simulated', async () => {
  const virtual = new Virtual();
  return {
    store: virtual.way('faulty', true),
    direct: virtual.way('direct', false),
    finish: (promise) => virtual.finish(promise),
    loseAnswer: (send) => virtual.with('db-timeout-after', send),
    breakWhileUnderWay: (send) => virtual.with('db-late-commit', () => send('x')),
    breakBeforeArrival: async (send) => {
      const reply = await virtual.with('db-late-commit', send);
      return { reply, arrive: async () => void virtual.timeline.step(virtual.timeline.now + 10_000) };
    },
    refuse: (send) => virtual.with('db-down', send),
    hang: (send) => virtual.with('db-hang', send),
    takeTooLong: (send) => virtual.with('db-timeout-before', () => send('x')),
    lock: async (channel) => {
      // A claim of somebody else that never comes to its end holds the row until it is undone.
      const ends: unknown[] = [];
      virtual.database.begin(
        { call: 'claim', owner: 'other', claims: [{ channel, mode: 'settle', epoch: -1 }] },
        Infinity,
        (reply) => ends.push(reply),
      );
      return {
        release: async () => {
          while (ends.length === 0) virtual.timeline.step(virtual.timeline.now + 10_000);
        },
      };
    },
    close: async () => {},
  };
});
