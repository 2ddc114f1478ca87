import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Channel } from '../../src/protocol/channels.ts';
import type { LogStore, StoreReply } from '../../src/runtime/ports/log-store.ts';
import { append, appendsTo, ask, claim, entry, get, newRoom, readAll } from './log-store.contract.ts';

type AppendReply = StoreReply<'append'>;

/** A store, and faults between it and its server that the test chooses. */
export interface FaultyStoreUnderTest {
  /** The store behind the faults. */
  readonly store: LogStore;
  /** The same log without the faults. */
  readonly direct: LogStore;
  /** Waits for a promise, and lets the world run meanwhile. */
  finish<Value>(promise: Promise<Value>): Promise<Value>;
  /** The statement is carried out, and its answer is lost. */
  loseAnswer(send: () => Promise<AppendReply>): Promise<AppendReply>;
  /** The connection breaks during a statement, which continues at the server. An entry with this `content` makes it slow. */
  breakWhileUnderWay(send: (content: string) => Promise<AppendReply>): Promise<AppendReply>;
  /** The connection breaks before the statement arrives. `arrive` lets it arrive, and waits for its end. */
  breakBeforeArrival(
    send: () => Promise<AppendReply>,
  ): Promise<{ readonly reply: AppendReply; readonly arrive: () => Promise<void> }>;
  /** The server is unreachable. */
  refuse(send: () => Promise<AppendReply>): Promise<AppendReply>;
  /** The server does not answer. */
  hang(send: () => Promise<AppendReply>): Promise<AppendReply>;
  /** The server undoes a statement over its own time limit. An entry with this `content` makes it slow. */
  takeTooLong(send: (content: string) => Promise<AppendReply>): Promise<AppendReply>;
  /** Another transaction has the channel's row locked until `release`. */
  lock(channel: Channel): Promise<{ readonly release: () => Promise<void> }>;
  close(): Promise<void>;
}

/** The effect of faults between a store and its server (D7, D8), of simulated and of real ones. */
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
      // The first use of a connection prepares its statements.
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
          appends: appendsTo(
            channel,
            epoch,
            ids.map((id) => entry(id, { content })),
          ),
        },
        deadlineMs,
      );
    const settle = async (channel: Channel, epoch: number) =>
      (await get(under.direct, 'claim', { owner: 'a', claims: [{ channel, mode: 'settle', epoch }] })).get(
        channel,
      );
    const ids = async (channel: Channel): Promise<string[]> =>
      (await under.finish(readAll(under.direct, channel))).map(({ id }) => id);

    test('[D7] an append whose answer got lost is unknown, and a claim settles it', async () => {
      const { channel, epoch } = await claimed();
      const reply = await under.loseAnswer(() => send(channel, epoch, ['x', 'y']));
      expect(reply).toMatchObject({ ok: false, failure: 'unknown' });
      expect(await under.finish(settle(channel, epoch))).toEqual({ epoch: epoch + 1, head: 3 });
      // When it is sent again, the store recognises it.
      const again = await under.finish(
        append(under.direct, channel, 'a', epoch + 1, [entry('x'), entry('z')]),
      );
      expect(again.map((outcome) => [outcome.type, 'seq' in outcome && outcome.seq])).toEqual([
        ['duplicate', 2],
        ['stored', 4],
      ]);
    });

    test('[D7] a running statement of a dead client commits before the claim that settles it returns', async () => {
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

    test('[D8] an append skips a row that another transaction has locked, and does not wait', async () => {
      const [held, free] = [await claimed(), await claimed()];
      const { release } = await under.lock(held.channel);
      const appends = [held, free].flatMap(({ channel, epoch }) => appendsTo(channel, epoch, [entry('x')]));
      const outcomes = await under.finish(get(under.store, 'append', { owner: 'a', appends }));
      expect(outcomes.map(({ type }) => type)).toEqual(['busy', 'stored']);
      await release();
      expect(await ids(held.channel)).toEqual(['first']);
      const after = await under.finish(append(under.store, held.channel, 'a', held.epoch, [entry('x')]));
      expect(after).toMatchObject([{ type: 'stored', seq: 2 }]);
    });

    test.each(['open', 'create', 'settle'] as const)(
      '[D6] a claim (%s) that skips held rows gets the others at once; one that waits fails after a second',
      async (mode) => {
        const [held, free] = [await claimed(), await claimed()];
        const { release } = await under.lock(held.channel);
        const claims = [held, free].map(({ channel, epoch }) => ({
          channel,
          mode,
          epoch: mode === 'settle' ? epoch : 0,
        }));
        const skipping = get(under.store, 'claim', { owner: 'a', claims, skipsHeld: true });
        const granted = await under.finish(skipping);
        expect(granted.get(held.channel)).toBe('busy');
        expect(granted.get(free.channel)).toEqual({ epoch: free.epoch + 1, head: 1 });
        const waiting = ask(under.store, 'claim', { owner: 'a', claims: claims.slice(0, 1) }, 2_400);
        expect(await under.finish(waiting)).toMatchObject({ ok: false, failure: 'failed' });
        await release();
        const after = await under.finish(
          get(under.store, 'claim', { owner: 'a', claims: claims.slice(0, 1) }),
        );
        expect(after.get(held.channel)).toEqual({ epoch: held.epoch + 1, head: 1 });
      },
    );

    test('a server that does not answer: unknown, at the deadline', async () => {
      const { channel, epoch } = await claimed();
      const reply = await under.hang(() => send(channel, epoch, ['x'], 'x', 400));
      expect(reply).toMatchObject({ ok: false, failure: 'unknown' });
    });

    test('an unreachable server: failed, since nothing was sent', async () => {
      const { channel, epoch } = await claimed();
      const reply = await under.refuse(() => send(channel, epoch, ['x'], 'x', 2_000));
      expect(reply).toMatchObject({ ok: false, failure: 'failed' });
      expect(await ids(channel)).toEqual(['first']);
      expect(await under.finish(ask(under.store, 'ping', {}))).toMatchObject({ ok: true });
    });

    test('a statement that takes too long: the server undoes it, failed', async () => {
      const { channel, epoch } = await claimed();
      const reply = await under.takeTooLong((content) =>
        send(channel, epoch, ['1', '2', '3'], content, 10_000),
      );
      expect(reply).toMatchObject({ ok: false, failure: 'failed' });
      expect(await ids(channel)).toEqual(['first']);
      // The undone statement holds no lock.
      expect(await under.finish(settle(channel, epoch))).toEqual({ epoch: epoch + 1, head: 1 });
    });
  });
}
