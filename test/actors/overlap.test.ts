import { describe, expect, test } from 'vitest';
import { LEASE, OVERLAP } from '../../src/actors/messages/node.ts';
import type { Channel } from '../../src/protocol/channels.ts';
import type { StoreCallName, StoreCalls } from '../../src/runtime/ports/log-store.ts';
import { Program } from '../support/program.ts';

/** Another process on the same database: what it does is told to nobody here. */
class Other {
  readonly #program: Program;
  #isBeating = true;

  constructor(program: Program) {
    this.#program = program;
  }

  call<Name extends StoreCallName>(
    name: Name,
    request: StoreCalls[Name]['request'],
  ): StoreCalls[Name]['reply'] {
    let value: unknown;
    this.#program.world.store.call(name, request, 0, (reply) => (value = reply.ok ? reply.value : undefined));
    return value as StoreCalls[Name]['reply'];
  }

  /** Time passes, in which it beats. */
  advance(ms: number): void {
    for (let left = ms; left > 0; left -= 500) {
      if (this.#isBeating) this.call('renew', { incarnation: 'other.1', node: 'other', mode: 'take' });
      this.#program.advance(Math.min(500, left));
    }
  }

  stop(): void {
    this.#isBeating = false;
  }

  leave(): void {
    this.stop();
    this.call('endLeases', { leases: [{ incarnation: 'other.1', beats: null }] });
  }

  store(channel: Channel, id: string): void {
    const owner = 'other.1';
    const { epoch } = this.call('claim', { owner, claims: [{ channel, mode: 'create', epoch: 0 }] }).get(
      channel,
    ) as { epoch: number };
    const content = channel.startsWith('room:') ? id : '';
    const entry = { id, sender: 'svc:other', content, data: '{}', sentAt: null };
    this.call('append', { owner, appends: [{ channel, epoch, createsRoom: true, entry }] });
  }
}

describe('[D13] another process on the database', () => {
  const setUp = () => {
    const program = new Program();
    const other = new Other(program);
    program.system.tell(LEASE, { type: 'start' });
    program.settle();
    const number = program.connect('ann');
    program.frame(number, { type: 'join', id: 'j', room: 'a' });
    const shown = (): string[] =>
      program
        .frames(number)
        .filter(({ type, action }) => type === 'chat' || action === 'broadcast' || action === 'user_event')
        .map(({ id }) => id as string);
    const reads = (): number => program.world.counts.get('overlap_reads') ?? 0;
    return { program, number, other, shown, reads };
  };

  test('what it stores is shown within 2 s and a little, in every channel', () => {
    const { other, shown } = setUp();
    other.advance(3_000);
    for (const [at, channel] of (['room:a', 'broadcast', 'user:ann'] as const).entries()) {
      other.store(channel, `m${at}`);
      other.advance(2_100);
      expect(shown()).toContain(`m${at}`);
    }
    other.store('room:a', 'again');
    other.store('room:a', 'and again');
    other.advance(2_100);
    expect(shown().filter((id) => id.includes('again'))).toEqual(['again', 'and again']);
  });

  test('nothing is asked while there is none, nor long after the last has gone', () => {
    const { other, reads, program } = setUp();
    program.advance(10_000);
    expect(reads()).toBe(0);
    other.advance(10_000);
    expect(reads()).toBeGreaterThanOrEqual(4);
    expect(reads()).toBeLessThanOrEqual(6);
    other.leave();
    program.advance(12_000);
    const after = reads();
    program.advance(60_000);
    expect(reads()).toBe(after);
  });

  test('what it has sent and is stored after its death is shown too', () => {
    const { other, shown, program } = setUp();
    other.advance(3_000);
    other.stop();
    program.advance(7_000);
    other.store('room:a', 'late');
    program.advance(2_100);
    expect(shown()).toEqual(['late']);
  });

  test('messages that it stored while this process could not look are shown, however short the read that follows', () => {
    const { other, shown, program } = setUp();
    program.advance(5_000);
    // This process is cut off from the database: it neither sees the other come nor what it stores.
    program.hook = (call) => (call.fail(), true);
    program.advance(1_000);
    other.advance(1_000);
    other.store('room:a', 'unseen');
    other.advance(30_000);
    program.hook = undefined;
    other.advance(3_000);
    expect(shown()).toEqual(['unseen']);
  });

  test('after a minute without a look every relay reads its own head', () => {
    const { other, shown, program, number } = setUp();
    other.advance(5_000);
    program.hook = (call) => (call.fail(), true);
    other.advance(1_000);
    other.store('room:a', 'long ago');
    for (let n = 0; n < 9; n++) {
      other.advance(10_000);
      program.frame(number, { type: 'heartbeat', status: 'pong' });
    }
    program.hook = undefined;
    other.advance(5_000);
    expect(shown()).toEqual(['long ago']);
  });

  test('the actor that looks finds it again after a crash', () => {
    const { other, shown, program } = setUp();
    other.advance(3_000);
    program.tell(OVERLAP, { type: 'boom' });
    other.advance(3_000);
    other.store('room:a', 'after');
    other.advance(2_100);
    expect(shown()).toEqual(['after']);
  });

  test('[D21] on another timeline relays read their heads anew', () => {
    const { other, shown, program } = setUp();
    program.advance(1_000);
    other.store('room:a', 'of before');
    let timeline = '00000002';
    program.hook = (call) => {
      if (call.name !== 'renew') return false;
      call.replace((value: StoreCalls['renew']['reply']) => ({ ...value, timeline }));
      call.answer();
      return true;
    };
    program.advance(1_000);
    timeline = '00000003';
    program.advance(1_000);
    expect(shown()).toEqual(['of before']);
  });
});
