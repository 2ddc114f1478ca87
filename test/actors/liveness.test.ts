import { describe, expect, test } from 'vitest';
import { CONNECTION_LIMITS, type ConnectionOptions } from '../../src/actors/connection/context.ts';
import { Liveness } from '../../src/actors/connection/liveness.ts';
import { Effects } from '../../src/actors/kit/effects.ts';
import type { Turn } from '../../src/runtime/ports/actor.ts';
import type { Measured } from '../../src/runtime/ports/sockets.ts';

const QUIET: Measured = { readBytes: 0, heldBytes: 0, heardAt: -Infinity };

/** The liveness of a welcomed connection, on a clock of its own. Its socket reports what the test sets. Interval 30 s, timeout 90 s. */
class Patient {
  measured: Measured = QUIET;
  readonly #due = new Map<string, number>();
  readonly #liveness: Liveness;
  /** Since when it listens for a pong, if it does. */
  listensSince: number | undefined;
  #now = 0;

  constructor() {
    const owner: ConstructorParameters<typeof Liveness>[0] = {
      number: 1,
      options: { limits: CONNECTION_LIMITS } as ConnectionOptions,
      act: (action, _params, turn, out) => {
        if (action === 'ping') this.#liveness.ping(turn, out);
        if (action === 'tellSuspect') this.#liveness.listen(out);
      },
    };
    this.#liveness = new Liveness(owner, this.#turn);
    this.#do((out) => this.#liveness.begin(this.#turn, out));
    this.#do((out) => this.#liveness.fire('welcomed', this.#turn, out));
  }

  get #turn(): Turn {
    return { now: this.#now } as Turn;
  }

  get phase(): string {
    return this.#liveness.state.phase;
  }

  get now(): number {
    return this.#now;
  }

  #do(run: (out: Effects) => void): void {
    const out = new Effects();
    run(out);
    for (const effect of out.effects) {
      if (effect.type === 'arm') this.#due.set(effect.timer, this.#now + Math.max(0, effect.delayMs));
      if (effect.type === 'disarm') this.#due.delete(effect.timer);
      if (effect.type === 'listen') this.listensSince = effect.since;
      if (effect.type === 'measure')
        this.#do((more) => this.#liveness.measured(this.measured, this.#turn, more));
    }
  }

  frame(isHeartbeat = false): void {
    if (isHeartbeat) this.#liveness.heartbeat();
    this.#do((out) => this.#liveness.heard(this.#turn, out));
  }

  pong(): void {
    this.measured = { ...this.measured, heardAt: this.#now };
    if (this.phase === 'suspect' && this.listensSince !== undefined)
      this.#do((out) => this.#liveness.machineHeard(this.#turn, out));
  }

  /** `each` happens every second. */
  pass(seconds: number, each: () => void = () => {}): void {
    const end = this.#now + seconds * 1_000;
    for (let second = this.#now + 1_000; second <= end; second += 1_000) {
      for (;;) {
        const [timer, at] = [...this.#due].toSorted(([, a], [, b]) => a - b)[0] ?? [];
        if (timer === undefined || at === undefined || at > second) break;
        this.#now = Math.max(this.#now, at);
        this.#due.delete(timer);
        this.#do((out) => this.#liveness.timer(timer, this.#turn, out));
      }
      this.#now = second;
      if (this.phase !== 'dead') each();
    }
  }
}

describe('[PU3] [LC2] signs of life', () => {
  test('[PU3] pongs alone keep a client alive that has never sent a heartbeat', () => {
    const patient = new Patient();
    patient.pass(600, () => patient.pong());
    expect(patient.phase).toBe('alive');
    patient.pass(31);
    expect(patient.phase).toBe('suspect');
  });

  test('[PU3] of one that has, they say nothing: suspect after the interval, dead after the timeout', () => {
    const patient = new Patient();
    patient.pass(10, () => patient.pong());
    patient.frame(true);
    patient.pass(29, () => patient.pong());
    expect(patient.phase).toBe('alive');
    patient.pass(2, () => patient.pong());
    expect(patient.phase).toBe('suspect');
    expect(patient.listensSince).toBeUndefined();
    patient.pass(58, () => patient.pong());
    expect(patient.phase).toBe('suspect');
    patient.pass(2, () => patient.pong());
    expect(patient.phase).toBe('dead');
  });

  test('[PU3] any frame of its own brings it back', () => {
    const patient = new Patient();
    patient.frame(true);
    patient.pass(40, () => patient.pong());
    expect(patient.phase).toBe('suspect');
    patient.frame();
    expect(patient.phase).toBe('alive');
  });

  test('[PU3] a client that reads on is alive: its heartbeat waits behind the data that the node sends it', () => {
    const patient = new Patient();
    patient.frame(true);
    let readBytes = 0;
    patient.pass(
      300,
      () => (patient.measured = { ...QUIET, readBytes: (readBytes += 100), heldBytes: 50_000 }),
    );
    expect(patient.phase).toBe('alive');
    // Now it stands still.
    patient.pass(60);
    expect(patient.phase).toBe('suspect');
    patient.pass(60);
    expect(patient.phase).toBe('dead');
  });

  test('[PU3] what the system takes is no sign when nothing had to wait', () => {
    const patient = new Patient();
    patient.frame(true);
    let readBytes = 0;
    patient.pass(100, () => (patient.measured = { ...QUIET, readBytes: (readBytes += 100) }));
    expect(patient.phase).toBe('dead');
  });

  test('[LC2] a suspect connection is alive again with the next pong, at once', () => {
    const patient = new Patient();
    patient.pass(31);
    expect(patient.phase).toBe('suspect');
    expect(patient.listensSince).toBe(-Infinity);
    patient.pong();
    expect(patient.phase).toBe('alive');
  });
});
