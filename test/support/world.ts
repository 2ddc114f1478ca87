import type { Claims } from '../../src/runtime/ports/tokens.ts';
import { MemoryLogStore } from '../../src/store/memory/memory-log-store.ts';
import { localPlacement } from '../../src/cluster/local-placement.ts';
import { LocalBus } from '../../src/transport/bus/local-bus.ts';
import type { Clock } from '../../src/runtime/ports/clock.ts';
import type { Ports } from '../../src/runtime/perform.ts';
import type { Measured, Sockets } from '../../src/runtime/ports/sockets.ts';
import type { LogLevel } from '../../src/runtime/ports/telemetry.ts';

/** Time that moves when told to. */
export class ManualClock implements Clock {
  #now = 0;
  #wake: { readonly at: number; readonly run: () => void } | undefined;
  #soon: (() => void)[] = [];

  now(): number {
    return this.#now;
  }

  wall(): number {
    return 1_700_000_000_000 + this.#now;
  }

  wakeAfter(delayMs: number, run: () => void): void {
    this.#wake = { at: this.#now + delayMs, run };
  }

  cancelWake(): void {
    this.#wake = undefined;
  }

  soon(run: () => void): void {
    this.#soon.push(run);
  }

  /** Runs everything that can run without time passing. */
  settle(): void {
    for (let slices = 0; this.#soon.length > 0; slices++) {
      if (slices > 100_000) throw new Error('this never comes to rest');
      const [run] = this.#soon.splice(0, 1);
      run?.();
    }
  }

  /** One slice only. */
  slice(): void {
    this.#soon.shift()?.();
  }

  /** Time goes on while something runs, as it does when a step is slow. */
  spend(ms: number): void {
    this.#now += ms;
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    this.settle();
    while (this.#wake && this.#wake.at <= end) {
      const { at, run } = this.#wake;
      this.#wake = undefined;
      this.#now = Math.max(this.#now, at);
      run();
      this.settle();
    }
    this.#now = Math.max(this.#now, end);
  }
}

/** Sockets that take everything and keep it. */
class RecordedSockets implements Sockets {
  readonly written = new Map<number, string[]>();
  readonly closed = new Map<number, { readonly code: number; readonly reason: string }>();
  readonly shut = new Set<number>();
  flushes = 0;
  /** As many as a test says. */
  dirty = 0;

  write(connection: number, frames: readonly string[]): void {
    const list = this.written.get(connection) ?? [];
    list.push(...frames);
    this.written.set(connection, list);
  }

  fanout(
    batch: { readonly frames: readonly string[] },
    connections: readonly number[],
    start: number,
    end: number,
  ): readonly number[] {
    const some = connections.slice(start, end);
    for (const connection of some) if (!this.shut.has(connection)) this.write(connection, batch.frames);
    return some.filter((connection) => this.shut.has(connection));
  }

  ping(): void {}

  close(connection: number, code: number, reason: string): void {
    this.closed.set(connection, { code, reason });
  }

  reopen(connection: number): void {
    this.shut.delete(connection);
  }

  measure(): Measured {
    return { readBytes: 0, heldBytes: 0, heardAt: -Infinity };
  }

  listen(): void {}

  flush(): void {
    this.flushes++;
    this.dirty = 0;
  }
}

/** All that the core needs, in hand. */
export class World {
  readonly clock = new ManualClock();
  readonly sockets = new RecordedSockets();
  readonly store = new MemoryLogStore({
    log: '00000000-0000-4000-8000-000000000001',
    wall: () => this.clock.wall(),
  });
  readonly logged: { readonly level: LogLevel; readonly event: string; readonly details: object }[] = [];
  readonly counts = new Map<string, number>();
  /** Verdicts on tokens that wait until the test says them; undefined: none does. */
  heldVerdicts: (() => void)[] | undefined;
  #ids = 0;

  readonly ports: Ports = {
    clock: this.clock,
    entropy: {
      random: () => 0.5,
      uuid: () => `00000000-0000-7000-8000-${String(++this.#ids).padStart(12, '0')}`,
    },
    sockets: this.sockets,
    placement: localPlacement('n1.x'),
    bus: new LocalBus(),
    store: this.store,
    hooks: { ask: (_question, _deadlineMs, done) => done({ type: 'answered', json: 'true' }) },
    // A token is its claims as JSON text; any other is none.
    tokens: {
      verify: (token, done) => {
        const isGood = token.startsWith('{');
        const say = (): void =>
          done(isGood ? { ok: true, claims: JSON.parse(token) as Claims } : { ok: false, message: 'no' });
        if (this.heldVerdicts) this.heldVerdicts.push(say);
        else say();
      },
    },
    telemetry: {
      count: (counter, by) => {
        if (counter.startsWith('violated_')) throw new Error(`an assertion does not hold: ${counter}`);
        this.counts.set(counter, (this.counts.get(counter) ?? 0) + by);
      },
      log: (level, event, details) => void this.logged.push({ level, event, details }),
    },
  };
}
