import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Channel } from '../../src/protocol/channels.ts';
import type { LogStore, StoreReply } from '../../src/runtime/ports/log-store.ts';
import { append, ask, claim, entry, get, newRoom, readAll } from './log-store.contract.ts';

type AppendReply = StoreReply<'append'>;

/** A store between which and its server things go wrong as the test wants. */
export interface FaultyStoreUnderTest {
  /** By way of the faults. */
  readonly store: LogStore;
  /** Past them: what is really there. */
  readonly direct: LogStore;
  /** Waits for a promise, letting happen what has to. */
  finish<Value>(promise: Promise<Value>): Promise<Value>;
  /** What is sent is carried out, and its answer is lost. */
  loseAnswer(send: () => Promise<AppendReply>): Promise<AppendReply>;
  /** The connection breaks while the statement is under way; it goes on at the server. `content` is what makes it slow. */
  breakWhileUnderWay(send: (content: string) => Promise<AppendReply>): Promise<AppendReply>;
  /** The connection breaks before the statement arrives; it does when `arrive` is called, which waits for its end. */
  breakBeforeArrival(
    send: () => Promise<AppendReply>,
  ): Promise<{ readonly reply: AppendReply; readonly arrive: () => Promise<void> }>;
  /** The server cannot be reached. */
  refuse(send: () => Promise<AppendReply>): Promise<AppendReply>;
  /** The server does not answer. */
  hang(send: () => Promise<AppendReply>): Promise<AppendReply>;
  /** The server undoes what takes longer than its own limit. `content` is what makes one entry slow. */
  takeTooLong(send: (content: string) => Promise<AppendReply>): Promise<AppendReply>;
  /** Somebody else has the channel's row locked until `release`. */
  lock(channel: Channel): Promise<{ readonly release: () => Promise<void> }>;
  close(): Promise<void>;
}

/** What faults between a store and its server come to (D7, D8): the simulated ones and the real ones alike. */
export function logStoreFaultsContract(name: string, open: () => Promise<FaultyStoreUnderTest>): void {
  describe(`log store faults contract: ${name}`, () => {
    let under: FaultyStoreUnderTest;
    beforeAll(async () => {
      under = await open();
    });
    afterAll(() => under.close());

    const claimed = async (): Promise<{ channel: Channel; epoch: number }> => {
      const channel: Channel = `room:${newRoom()}`;
      const { epoch } = await under.finish(claim(under.direct, channel, 'a'));
      // Whatever is prepared on first use is prepared.
      await under.finish(append(under.store, channel, 'a', epoch, [entry('first')]));
      return { channel, epoch };
    };
    const send = (
      channel: Channel,
      epoch: number,
      ids: readonly string[],
      content = 'x',
      deadlineMs = 5_000,
    ) =>
      ask(
        under.store,
        'append',
        {
          owner: 'a',
          groups: [{ channel, epoch, foundsRoom: false, entries: ids.map((id) => entry(id, { content })) }],
        },
        deadlineMs,
      );
    const settle = async (channel: Channel, epoch: number) =>
      (await get(under.direct, 'claim', { owner: 'a', claims: [{ channel, mode: 'settle', epoch }] })).get(
        channel,
      );
    const ids = async (channel: Channel): Promise<string[]> =>
      (await under.finish(readAll(under.direct, channel))).map(({ id }) => id);

    test('[D7] an append that was carried out while its answer got lost is unknown, and settled by a claim', async () => {
      const { channel, epoch } = await claimed();
      const reply = await under.loseAnswer(() => send(channel, epoch, ['x', 'y']));
      expect(reply).toMatchObject({ ok: false, failure: 'unknown' });
      expect(await under.finish(settle(channel, epoch))).toEqual({ epoch: epoch + 1, head: 3 });
      // Sent again it is known for what it is.
      const again = await under.finish(
        append(under.direct, channel, 'a', epoch + 1, [entry('x'), entry('z')]),
      );
      expect(again.map((outcome) => [outcome.type, 'seq' in outcome && outcome.seq])).toEqual([
        ['duplicate', 2],
        ['stored', 4],
      ]);
    });

    test('[D7] a dead client’s statement that is still under way commits before the claim that settles it returns', async () => {
      const { channel, epoch } = await claimed();
      const reply = await under.breakWhileUnderWay((content) => send(channel, epoch, ['slow'], content));
      expect(reply).toMatchObject({ ok: false, failure: 'unknown' });
      expect(await under.finish(settle(channel, epoch))).toEqual({ epoch: epoch + 1, head: 2 });
      expect(await ids(channel)).toEqual(['first', 'slow']);
    });

    test('[D7] a dead client’s statement that reaches the server after the claim stores nothing', async () => {
      const { channel, epoch } = await claimed();
      const { reply, arrive } = await under.breakBeforeArrival(() => send(channel, epoch, ['late']));
      expect(reply).toMatchObject({ ok: false, failure: 'unknown' });
      expect(await under.finish(settle(channel, epoch))).toEqual({ epoch: epoch + 1, head: 1 });
      await arrive();
      expect(await ids(channel)).toEqual(['first']);
    });

    test('[D8] a row locked by somebody else is passed over, not waited for', async () => {
      const [held, free] = [await claimed(), await claimed()];
      const { release } = await under.lock(held.channel);
      const groups = [held, free].map(({ channel, epoch }) => ({
        channel,
        epoch,
        foundsRoom: false,
        entries: [entry('x')],
      }));
      const outcomes = await under.finish(get(under.store, 'append', { owner: 'a', groups }));
      expect(outcomes.map(([outcome]) => outcome?.type)).toEqual(['busy', 'stored']);
      await release();
      expect(await ids(held.channel)).toEqual(['first']);
      const after = await under.finish(append(under.store, held.channel, 'a', held.epoch, [entry('x')]));
      expect(after).toMatchObject([{ type: 'stored', seq: 2 }]);
    });

    test('a server that does not answer: unknown, at the deadline', async () => {
      const { channel, epoch } = await claimed();
      const reply = await under.hang(() => send(channel, epoch, ['x'], 'x', 400));
      expect(reply).toMatchObject({ ok: false, failure: 'unknown' });
    });

    test('a server that cannot be reached: failed, since nothing was sent', async () => {
      const { channel, epoch } = await claimed();
      const reply = await under.refuse(() => send(channel, epoch, ['x'], 'x', 2_000));
      expect(reply).toMatchObject({ ok: false, failure: 'failed' });
      expect(await ids(channel)).toEqual(['first']);
      expect(await under.finish(ask(under.store, 'ping', {}))).toMatchObject({ ok: true });
    });

    test('a statement that takes too long is undone by the server: failed', async () => {
      const { channel, epoch } = await claimed();
      const reply = await under.takeTooLong((content) =>
        send(channel, epoch, ['1', '2', '3'], content, 10_000),
      );
      expect(reply).toMatchObject({ ok: false, failure: 'failed' });
      expect(await ids(channel)).toEqual(['first']);
      // Nothing of it holds the row.
      expect(await under.finish(settle(channel, epoch))).toEqual({ epoch: epoch + 1, head: 1 });
    });
  });
}
