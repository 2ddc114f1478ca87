import { expect, test } from 'vitest';
import { Presence } from '../../src/actors/home/presence.ts';
import { Signals } from '../../src/actors/home/signals.ts';
import { Effects } from '../../src/actors/kit/effects.ts';
import type { Turn } from '../../src/runtime/ports/actor.ts';

const DEVICES = 5_000;

/** A room of many, on a clock of its own. */
class Room {
  readonly presence = new Presence(15_000);
  readonly passed: string[] = [];
  now = 0;
  readonly #signals = new Signals('r', this.presence, { channel: 'room:r', nodes: new Set(['n1']) });
  #due = Infinity;

  constructor(devices: number) {
    for (let n = 0; n < devices; n++)
      this.presence.enter(`c${n}`, { user: `u${n}`, isAdmin: false }, 'alive', this.#turn);
  }

  get #turn(): Turn {
    return { now: this.now, wall: this.now } as Turn;
  }

  signal(n: number, data: string): void {
    this.#take((out) =>
      this.#signals.take({ type: 'signal', address: `c${n}`, user: `u${n}`, data }, this.#turn, out),
    );
  }

  pass(ms: number): void {
    const end = this.now + ms;
    while (this.#due <= end) {
      this.now = this.#due;
      this.#due = Infinity;
      this.#take((out) => this.#signals.goOn(this.#turn, out));
    }
    this.now = end;
  }

  #take(run: (out: Effects) => void): void {
    const out = new Effects();
    run(out);
    for (const effect of out.effects) {
      if (effect.type === 'arm') this.#due = this.now + effect.delayMs;
      if (effect.type === 'publish')
        this.passed.push((JSON.parse((effect.message as { frame: string }).frame) as { data: string }).data);
    }
  }
}

test('[RQ5] a room passes on signals to 20,000 connections a second, however many are sent', () => {
  const room = new Room(DEVICES);
  for (let n = 0; n < 1_000; n++) {
    for (let from = 0; from < 20; from++) room.signal(from, `${from}`);
    room.pass(10);
  }
  const deliveries = room.passed.length * DEVICES;
  // After a rest those of one second more.
  expect(deliveries).toBeGreaterThanOrEqual(10 * 20_000);
  expect(deliveries).toBeLessThanOrEqual(11 * 20_000 + DEVICES);
  // Each has his turn.
  expect(new Set(room.passed).size).toBe(20);
});

test('[RQ5] the newest waiting signal of a connection is passed on, in its turn; none of a connection that has left', () => {
  const room = new Room(DEVICES);
  for (let n = 0; n < 5; n++) room.signal(0, `first ${n}`);
  for (let n = 0; n < 5; n++) for (let from = 1; from < 4; from++) room.signal(from, `${from} says ${n}`);
  room.signal(0, 'last of all');
  room.presence.exit('c2', 'left', { now: 0, wall: 0 });
  room.passed.splice(0, 5);
  room.pass(10_000);
  expect(room.passed).toEqual(['1 says 4', '3 says 4', 'last of all']);
});

test('[RQ5] where few are present none has to wait, nor is more kept than there may be', () => {
  const small = new Room(20);
  for (let n = 0; n < 900; n++) small.signal(n % 20, `${n}`);
  expect(small.passed).toHaveLength(900);
  const large = new Room(DEVICES);
  for (let n = 0; n < DEVICES; n++) large.signal(n, `${n}`);
  large.pass(3_600_000);
  expect(large.passed).toHaveLength(1_005);
});
