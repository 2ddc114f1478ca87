import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rosterFrames } from '../../src/actors/kit/frames.ts';
import { Presence } from '../../src/actors/home/presence.ts';
import { JoinLeaveBatch } from '../../src/actors/home/join-leave-batch.ts';
import type { Move, Publication } from '../../src/actors/messages/relay.ts';
import { Effects } from '../../src/actors/kit/effects.ts';
import { WIRE_LIMITS } from '../../src/protocol/limits.ts';
import type { Turn } from '../../src/runtime/ports/actor.ts';
import { Program, type HeldCall } from '../support/program.ts';

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
  readonly #batch: JoinLeaveBatch;
  #now = 1;
  readonly #due = new Map<string, number>();

  constructor() {
    const audience = { channel: 'room:r', nodes: new Set(['n1']) } as const;
    this.#batch = new JoinLeaveBatch('r', this.presence, audience);
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
      for (const change of changes) this.#batch.changed(change, this.#turn, out);
    });
  }

  begunAnew(): void {
    this.#take((out) => this.#batch.begunAnew(this.#turn, out));
  }

  pass(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(); next && next[1] <= end; next = this.#next()) {
      const [timer, at] = next;
      this.#now = at;
      this.#due.delete(timer);
      this.#take((out) => {
        if (timer === 'roster') this.#batch.flush(out);
        else this.#batch.tellMembers(this.#turn, out);
      });
    }
    this.#now = end;
  }

  #next(): [string, number] | undefined {
    return [...this.#due].toSorted(([, a], [, b]) => a - b)[0];
  }

  #take(run: (out: Effects) => void): void {
    const out = new Effects();
    run(out);
    for (const effect of out.effects) {
      if (effect.type === 'arm') this.#due.set(effect.timer, this.#now + effect.delayMs);
      if (effect.type !== 'publish') continue;
      const message = effect.message as Publication;
      if (message.type === 'roster') this.#told(message.moves);
      if (message.type === 'members') this.#tell(message.frame);
      if (message.type === 'members') this.#told(message.suspects);
    }
  }

  #told(moves: readonly Move[]): void {
    expect(moves.length).toBeLessThanOrEqual(500);
    for (const text of rosterFrames('r', moves)) this.#tell(text);
  }

  #tell(text: string): void {
    const frame = JSON.parse(text) as Frame;
    this.frames.push({ at: this.#now, frame });
    this.view.told(frame);
  }

  told(): unknown[] {
    return this.frames
      .splice(0)
      .map(({ frame: { action, data } }) => [action, data.users ?? data.user ?? data.count]);
  }
}

describe('[PU2] [LM9] what the users of a room get to know of each other', () => {
  test('[PU2] the batch has the moves of each user in order, and only the last one of each kind', () => {
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

  test('[LM9] a new generation of the home, which knows no user yet, names all who have joined again', () => {
    const room = new Room();
    room.begunAnew();
    for (const user of ['ann', 'ben', 'cid']) room.act(user, 'join');
    room.pass(4_999);
    expect(room.told()).toEqual([]);
    room.pass(1);
    expect(room.told()).toEqual([['members', ['ann', 'ben', 'cid']]]);
    room.act('dan', 'join');
    room.pass(250);
    expect(room.told()).toEqual([['joined', ['dan']]]);
  });

  test('a client that applies all batches knows the members, or their number, and gets few frames', () => {
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

  test('each client by itself: from its coming on, of others alone, behind or slow, it knows who is there', () => {
    const who = fc.nat(6);
    const acts = fc.array(
      fc.oneof(
        { weight: 6, arbitrary: fc.record({ who, what: fc.constantFrom('join', 'leave') }) },
        { weight: 2, arbitrary: fc.record({ who, what: fc.constantFrom('joinBehind', 'slow', 'quick') }) },
        { weight: 1, arbitrary: fc.constant({ chat: true }) },
        // Another process claims the room: its home here ends with the next message, and begins anew.
        { weight: 1, arbitrary: fc.constant({ rival: true }) },
        { weight: 4, arbitrary: fc.record({ ms: fc.constantFrom(1, 50, 250, 600) }) },
      ),
      { minLength: 5, maxLength: 60 },
    );
    const seen = { owed: 0 };
    fc.assert(
      fc.property(acts, (run) => {
        const program = new Program();
        // Some are several devices of one user.
        const users = ['ann', 'ann', 'ann', 'ben', 'ben', 'cid', 'dan'];
        const numbers = users.map((user) => program.connect(user));
        // Pages of the log take their time, and so does who reads them.
        const held: HeldCall[] = [];
        program.hook = (call) => call.name === 'page' && held.push(call) > 0;
        const pass = (ms: number): void => {
          program.advance(ms);
          if (ms >= 250) for (const call of held.splice(0)) call.answer();
        };
        const slow = (number: number, isSlow: boolean): void => {
          if (isSlow) program.world.sockets.shut.add(number);
          if (isSlow) program.inbox.congested(number);
          else program.inbox.drained(number);
          program.settle();
        };
        program.chat('r', 'm0');
        for (const [at, act] of run.entries()) {
          if ('ms' in act) pass(act.ms);
          else if ('chat' in act) program.chat('r', `m${at + 1}`);
          else if ('rival' in act) depose(program, `m${at + 1}`);
          else {
            const number = numbers[act.who] as number;
            if (act.what === 'slow' || act.what === 'quick') slow(number, act.what === 'slow');
            else if (act.what === 'leave') program.frame(number, { type: 'leave', id: 'leave', room: 'r' });
            else {
              const since = act.what === 'joinBehind' ? { since: 0 } : {};
              program.frame(number, { type: 'join', id: 'join', room: 'r', ...since });
              program.frame(number, { type: 'presence', id: 'p', room: 'r' });
            }
          }
        }
        for (const number of numbers) slow(number, false);
        // Back in within 1.5 s after the home was lost, and told within 5 s from there.
        for (let n = 0; n < 30; n++) pass(250);
        const asker = program.connect('zoe');
        program.frame(asker, { type: 'presence', id: 'p', room: 'r' });
        const present = usersOf(program.frames(asker).at(-1));
        for (const [at, number] of numbers.entries()) {
          const frames = program.frames(number);
          const view = viewOf(frames, users[at] as string);
          if (view) expect([...(view.users ?? [])].toSorted()).toEqual(present);
          if (frames.some(({ action }) => action === 'members')) seen.owed++;
        }
      }),
      { numRuns: 300 },
    );
    expect(seen.owed).toBeGreaterThan(10);
  });
});

function depose(program: Program, id: string): void {
  const claims = [{ channel: 'room:r', mode: 'open', epoch: 0 }] as const;
  program.world.store.call('claim', { owner: 'rival', claims }, 0, () => {});
  program.chat('r', id);
}

const usersOf = (page: Frame | undefined): string[] =>
  ((page?.['members'] ?? []) as { user: string }[]).map(({ user }) => user);

/** Undefined: it is not in the room. */
function viewOf(frames: readonly Frame[], self: string): View | undefined {
  let view: View | undefined;
  let isIn = false;
  for (const frame of frames) {
    if (frame['type'] === 'ack') isIn = frame['id'] === 'join';
    // An answer that comes after the room was left says nothing of who is there later.
    if (frame['type'] === 'presence' && isIn) view = new View(usersOf(frame));
    if (!isIn) view = undefined;
    if (frame['type'] !== 'notification' || !frame['room']) continue;
    // Not to oneself (PU2); a list of all has all.
    if (frame['action'] !== 'members') expect(frame['data'].users).not.toContain(self);
    view?.told(frame);
  }
  return view;
}
