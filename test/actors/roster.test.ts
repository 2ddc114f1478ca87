import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rosterFrames } from '../../src/actors/frames.ts';
import { Presence } from '../../src/actors/home/presence.ts';
import { Roster } from '../../src/actors/home/roster.ts';
import type { Move } from '../../src/actors/messages.ts';
import { Outbox } from '../../src/actors/outbox.ts';
import { WIRE_LIMITS } from '../../src/protocol/limits.ts';
import type { Turn } from '../../src/runtime/ports/actor.ts';
import { Program } from '../support/program.ts';

type Frame = Record<string, any>;

/** What a client makes of what it is told: who is there, or how many. */
class View {
  users: Set<string> | undefined;
  count = 0;

  constructor(users: readonly string[]) {
    this.name(users);
  }

  name(users: readonly string[]): void {
    this.users = new Set(users);
    this.count = users.length;
  }

  told({ action, data }: Frame): void {
    if (action === 'members') {
      this.users = data.users && new Set(data.users as string[]);
      this.count = data.count;
    }
    for (const user of (data.users ?? []) as string[]) {
      if (action === 'joined') this.users?.add(user);
      if (action === 'left') this.users?.delete(user);
    }
    if (this.users) this.count = this.users.size;
  }
}

/** A roster and those present, on a clock of its own. */
class Room {
  readonly presence = new Presence(15_000);
  readonly frames: { readonly at: number; readonly frame: Frame }[] = [];
  readonly view: View;
  readonly #roster: Roster;
  #now = 1;
  #due = Infinity;

  constructor(isAnew = false) {
    const audience = { channel: 'room:r', nodes: ['n1'] } as const;
    this.#roster = new Roster({ room: 'r', presence: this.presence, audience }, isAnew, this.#now);
    this.view = new View([]);
  }

  get #turn(): Turn {
    return { now: this.#now, wall: this.#now } as Turn;
  }

  act(user: string, what: 'join' | 'leave' | 'lose' | 'silent' | 'heard'): void {
    const { presence } = this;
    const address = `conn:n1.x.${user}`;
    const changes = {
      join: () => presence.enter(address, { user, isAdmin: false }, 'alive', this.#turn),
      leave: () => presence.exit(address, 'left', this.#turn),
      lose: () => presence.exit(address, 'lost', this.#turn),
      silent: () => presence.device(address, 'suspect', this.#turn),
      heard: () => presence.device(address, 'alive', this.#turn),
    }[what]();
    this.#take((out) => {
      for (const change of changes) this.#roster.changed(change, this.#turn, out);
    });
  }

  pass(ms: number): void {
    const end = this.#now + ms;
    while (this.#due <= end) {
      this.#now = this.#due;
      this.#due = Infinity;
      this.#take((out) => this.#roster.due(this.#turn, out));
    }
    this.#now = end;
  }

  #take(run: (out: Outbox) => void): void {
    const out = new Outbox();
    run(out);
    for (const effect of out.effects) {
      if (effect.type === 'arm') this.#due = this.#now + effect.delayMs;
      if (effect.type !== 'publish') continue;
      const { type, frame, moves } = effect.message as {
        type: string;
        frame: string;
        moves: readonly Move[];
      };
      if (type === 'roster') expect(moves.length).toBeLessThanOrEqual(500);
      for (const text of type === 'roster' ? rosterFrames('r', moves) : [frame]) {
        this.frames.push({ at: this.#now, frame: JSON.parse(text) as Frame });
        this.view.told(this.frames.at(-1)?.frame as Frame);
      }
    }
  }

  told(): unknown[] {
    return this.frames
      .splice(0)
      .map(({ frame: { action, data } }) => [action, data.users ?? data.user ?? data.count]);
  }
}

describe('[PU2] [LM9] what those present are told of each other', () => {
  test('[PU2] of each user what he did, in order, and no more than the last of each', () => {
    const room = new Room();
    for (const what of ['join', 'leave', 'join', 'leave'] as const) room.act('ann', what);
    for (const what of ['join', 'leave', 'join'] as const) room.act('ben', what);
    room.pass(250);
    expect(room.told()).toEqual([
      ['joined', ['ann', 'ben']],
      ['left', ['ann']],
    ]);
    for (const what of ['leave', 'join', 'leave', 'join'] as const) room.act('ben', what);
    room.pass(250);
    expect(room.told()).toEqual([
      ['left', ['ben']],
      ['joined', ['ben']],
    ]);
    for (const what of ['silent', 'heard', 'silent'] as const) room.act('ben', what);
    room.pass(250);
    expect(room.told()).toEqual([['presence', 'ben']]);
  });

  test('[LM9] a new life of the home, which knows nobody yet, names all who have said that they are here', () => {
    const room = new Room(true);
    for (const user of ['ann', 'ben', 'cid']) room.act(user, 'join');
    room.pass(4_999);
    expect(room.told()).toEqual([]);
    room.pass(1);
    expect(room.told()).toEqual([['members', ['ann', 'ben', 'cid']]]);
    room.act('dan', 'join');
    room.pass(250);
    expect(room.told()).toEqual([['joined', ['dan']]]);
  });

  test('who takes it all to heart knows who is there, or how many, and is told seldom', () => {
    const user = fc.nat(9).map((n) => `user ${n}`);
    const one = fc.record({ user, what: fc.constantFrom('join', 'leave', 'lose', 'silent', 'heard') });
    const crowd = fc.record({ from: fc.nat(40), to: fc.constantFrom(100, 220, 700), isIn: fc.boolean() });
    const ms = fc.constantFrom(0, 1, 100, 250, 1_000, 6_000, 20_000);
    const acts = fc.array(
      fc.oneof({ weight: 8, arbitrary: one }, { weight: 3, arbitrary: crowd }, { weight: 4, arbitrary: ms }),
      { minLength: 10, maxLength: 60 },
    );
    const seen = { named: 0, counted: 0, back: 0 };
    fc.assert(
      fc.property(acts, (run) => {
        const room = new Room();
        for (const act of run) {
          if (typeof act === 'number') room.pass(act);
          else if ('what' in act) room.act(act.user, act.what);
          else for (let n = act.from; n < act.to; n++) room.act(`crowd ${n}`, act.isIn ? 'join' : 'leave');
        }
        room.pass(5_250);
        expect(room.view.count).toBe(room.presence.size);
        if (room.presence.size <= WIRE_LIMITS.namedPresentMax)
          expect([...(room.view.users ?? [])].toSorted()).toEqual(room.presence.users().toSorted());
        const counts = room.frames.filter(({ frame }) => frame['action'] === 'members');
        seen.named += room.frames.length - counts.length;
        seen.counted += counts.length;
        seen.back += counts.filter(({ frame }) => frame['data'].users).length;
        for (const [n, { at, frame }] of counts.entries()) {
          expect(at - (counts[n - 1]?.at ?? -Infinity)).toBeGreaterThanOrEqual(5_000);
          const { count, users } = frame['data'];
          expect(users?.length).toBe(count > WIRE_LIMITS.namedPresentMax ? undefined : count);
        }
      }),
      { numRuns: 200 },
    );
    // It has been everywhere.
    expect(Math.min(seen.named, seen.counted, seen.back)).toBeGreaterThan(10);
  });

  test('each client by itself: from its coming on, of others alone, it knows who is there', () => {
    const who = fc.nat(6);
    const acts = fc.array(
      fc.oneof(
        fc.record({ who, what: fc.constantFrom('join', 'leave') }),
        fc.record({ ms: fc.constantFrom(1, 50, 250) }),
      ),
      { minLength: 5, maxLength: 60 },
    );
    fc.assert(
      fc.property(acts, (run) => {
        const program = new Program();
        // Some are several devices of one user.
        const users = ['ann', 'ann', 'ann', 'ben', 'ben', 'cid', 'dan'];
        const numbers = users.map((user) => program.connect(user));
        for (const act of run) {
          if ('ms' in act) program.advance(act.ms);
          else {
            const number = numbers[act.who] as number;
            program.frame(number, { type: act.what, id: act.what, room: 'r' });
            if (act.what === 'join') program.frame(number, { type: 'presence', id: 'p', room: 'r' });
          }
        }
        program.advance(300);
        const asker = program.connect('zoe');
        program.frame(asker, { type: 'presence', id: 'p', room: 'r' });
        const present = usersOf(program.frames(asker).at(-1));
        for (const [at, number] of numbers.entries()) {
          const view = viewOf(program.frames(number), users[at] as string);
          if (view) expect([...(view.users ?? [])].toSorted()).toEqual(present);
        }
      }),
      { numRuns: 200 },
    );
  });
});

const usersOf = (page: Frame | undefined): string[] =>
  ((page?.['members'] ?? []) as { user: string }[]).map(({ user }) => user);

/** Undefined: it is not in the room. */
function viewOf(frames: readonly Frame[], self: string): View | undefined {
  let view: View | undefined;
  for (const frame of frames) {
    if (frame['type'] === 'presence') view = new View(usersOf(frame));
    if (frame['type'] === 'ack' && frame['id'] === 'leave') view = undefined;
    if (frame['type'] !== 'notification' || !frame['room']) continue;
    // Not to oneself (PU2).
    expect(frame['data'].users).not.toContain(self);
    view?.told(frame);
  }
  return view;
}
