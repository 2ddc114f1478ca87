import { describe, expect, test } from 'vitest';
import { CANARY, type CanaryStatus } from '../../src/actors/node/canary.ts';
import { DIRECTORY } from '../../src/actors/node/directory.ts';
import { RETENTION } from '../../src/actors/node/retention.ts';
import type { Address } from '../../src/runtime/ports/actor.ts';
import { Program } from '../support/program.ts';

function ask<Message>(program: Program, to: Address<Message>, message: Message): unknown {
  let body: unknown;
  program.system.ask(to, message, { deadlineMs: 10_000 }, (answer) => {
    body = answer.ok ? answer.body : answer;
  });
  program.settle();
  return body;
}

describe('the canary', () => {
  const status = (program: Program): unknown => ask(program, CANARY, { type: 'status' });

  /** Entries that the log still has of it. */
  const left = (program: Program): number => {
    const request = {
      channel: 'user:svc:n1',
      start: 'newest',
      limit: 1_000,
      bytesMax: 1e9,
      reader: null,
    } as const;
    let entries = 0;
    program.world.store.call('page', request, 1_000, (reply) => {
      if (reply.ok) entries = reply.value.entries.length;
    });
    return entries;
  };

  test('[RS5] proves at once and every five seconds, with a message that is written each time and removed', () => {
    const program = new Program();
    const writes: string[] = [];
    program.hook = ({ name, request }) => {
      if (name === 'append') writes.push(request.appends[0].entry.id as string);
      return false;
    };
    program.system.tell(CANARY, { type: 'start' });
    program.settle();
    expect(status(program)).toEqual({ provenAgoMs: 0, hasLastFailed: false });
    expect(left(program)).toBe(0);
    program.advance(4_000);
    expect(status(program)).toEqual({ provenAgoMs: 4_000, hasLastFailed: false });
    program.advance(56_000);
    expect(status(program)).toMatchObject({ hasLastFailed: false });
    expect(program.world.store.row('user:svc:n1')).toMatchObject({ head: writes.length });
    expect(writes.length).toBeGreaterThan(10);
    expect(new Set(writes).size).toBe(writes.length);
    expect(left(program)).toBe(0);
    expect(program.world.counts.get('probe_passed')).toBe(writes.length);
  });

  test('[RS5] canaries that cannot be removed are bounded, and a repeat proves nothing', () => {
    const program = new Program();
    let isHeld = true;
    program.hook = (call) => {
      if (call.name === 'discard' && isHeld) call.fail();
      return call.name === 'discard' && isHeld;
    };
    program.system.tell(CANARY, { type: 'start' });
    program.settle();
    program.advance(1_000_000);
    expect(left(program)).toBe(100);
    expect((status(program) as CanaryStatus).provenAgoMs).toBeGreaterThan(400_000);
    // Once it can be, the next one is written at once.
    isHeld = false;
    program.advance(5_000);
    expect(left(program)).toBeLessThan(100);
    expect((status(program) as CanaryStatus).provenAgoMs).toBeLessThan(5_001);
  });

  test('[RS5] says since when nothing has got through', () => {
    const program = new Program();
    program.system.tell(CANARY, { type: 'start' });
    program.settle();
    program.hook = () => true;
    program.advance(20_000);
    expect(status(program)).toEqual({ provenAgoMs: 20_000, hasLastFailed: true });
  });
});

describe('the directory', () => {
  const list = (program: Program): unknown =>
    ask(program, DIRECTORY, {
      type: 'list',
      user: 'ann',
      isAdmin: false,
      after: undefined,
      limit: undefined,
    });

  test('[RQ11] knows how many are present, also after it has crashed', () => {
    const program = new Program();
    program.chat('a', 'm1');
    program.chat('b', 'm2');
    program.settle();
    const number = program.connect('ann');
    program.frame(number, { type: 'join', id: '1', room: 'a' });
    const rooms = [
      { room: 'a', access: 'public', metadata: '{}', present: 1 },
      { room: 'b', access: 'public', metadata: '{}', present: 0 },
    ];
    expect(list(program)).toEqual({ rooms, more: false });
    program.tell(DIRECTORY, { type: 'boom' });
    program.advance(1_000);
    expect(list(program)).toEqual({ rooms, more: false });
    program.frame(number, { type: 'leave', id: '2', room: 'a' });
    expect(list(program)).toMatchObject({ rooms: [{ present: 0 }, { present: 0 }] });
  });

  test('[RQ11] a result ends at 256 KiB, and says that there is more', () => {
    const program = new Program();
    const metadata = JSON.stringify({ text: 'x'.repeat(8_000) });
    for (let n = 0; n < 60; n++) {
      const room = `r${String(n).padStart(2, '0')}`;
      const request = { type: 'create', creator: 'ann', access: 'private', members: [], metadata } as const;
      ask(program, `room:${room}` as Address<typeof request>, request);
    }
    const page = ask(program, DIRECTORY, {
      type: 'list',
      user: 'ann',
      isAdmin: false,
      after: undefined,
      limit: 200,
    }) as { rooms: readonly { room: string }[]; more: boolean };
    expect(page.more).toBe(true);
    expect(JSON.stringify(page).length).toBeLessThan(300_000);
    expect(page.rooms.length).toBeGreaterThan(20);
  });
});

describe('retention', () => {
  test('[LM10] removes what is kept no longer, kind by kind, and leaves the rest', () => {
    const program = new Program({ keepMs: { room: 60_000, user: 0, broadcast: 0 } });
    program.system.tell(RETENTION, { type: 'start' });
    for (let n = 1; n <= 20; n++) program.chat(`a${n % 3}`, `m${n}`);
    program.advance(50_000);
    program.chat('a1', 'young');
    program.advance(5_000);
    expect(program.world.counts.get('messages_pruned')).toBeUndefined();
    program.advance(15_000);
    expect(program.world.counts.get('messages_pruned')).toBe(20);
    // The heads stay, and the log goes on.
    program.chat('a2', 'next');
    program.settle();
    expect(program.outcomes.at(-1)?.answer).toMatchObject({ body: { seq: 8 } });
  });

  test('[LM10] one slice at a time, with a pause between; one that fails is tried again with the next round', () => {
    const program = new Program({ keepMs: { room: 60_000, user: 60_000, broadcast: 60_000 } });
    const calls: { readonly kind: string; readonly at: number }[] = [];
    let open = 0;
    program.hook = (call) => {
      if (call.name !== 'prune') return false;
      expect(++open).toBe(1);
      calls.push({ kind: (call.request as { kind: string }).kind, at: program.world.clock.now() });
      open--;
      return false;
    };
    program.system.tell(RETENTION, { type: 'start' });
    program.advance(6_500);
    expect(calls.map(({ kind }) => kind)).toEqual(['broadcast', 'user', 'room']);
    for (const [at, { at: time }] of calls.entries())
      if (at > 0) expect(time - (calls[at - 1]?.at ?? 0)).toBeGreaterThanOrEqual(100);
    program.advance(6_500);
    expect(calls).toHaveLength(6);
  });
});
