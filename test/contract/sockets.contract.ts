import { afterEach, describe, expect, test } from 'vitest';
import { frameBatch } from '../../src/actors/kit/frames.ts';
import { INBOUND_LIMITS, type InboundLimits } from '../../src/limits/inbound-budget.ts';
import type { Inbox } from '../../src/runtime/ports/inbox.ts';
import type { FrameBatch, Sockets } from '../../src/runtime/ports/sockets.ts';
import type { Claims } from '../../src/runtime/ports/tokens.ts';

/** A client at the other end. */
export interface TestPeer {
  readonly received: string[];
  /** The code it was closed with, once it was. */
  readonly closedWith: number | undefined;
  send(text: string): void;
  /** A protocol pong of its own accord. */
  pong(): void;
  close(code: number): void;
  /** Cuts the connection without a word. */
  abort(): void;
  stopReading(): void;
  readAgain(): void;
}

export interface SocketsUnderTest {
  readonly sockets: Sockets;
  /** A new connection; its number is what the inbox gave it. */
  connect(): Promise<TestPeer>;
  /** Lets things happen until it is true; throws when that takes too long. */
  until(isTrue: () => boolean): Promise<void>;
  /** Lets everything happen that is on its way. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** What happens, as the core hears of it. */
export class RecordingInbox implements Inbox {
  readonly frames: { readonly connection: number; readonly text: string }[] = [];
  readonly closures: { readonly connection: number; readonly code: number }[] = [];
  readonly congestions: number[] = [];
  readonly drains: number[] = [];
  readonly signs: number[] = [];
  readonly abuses: number[] = [];
  /** What becomes of the next frames. */
  verdict: 'taken' | 'crowded' | 'full' = 'taken';
  goOn: (() => void) | undefined;
  #last = 0;

  opened(_claims: Claims): number {
    return ++this.#last;
  }

  frame(connection: number, text: string): 'taken' | 'crowded' | 'full' {
    if (this.verdict !== 'full') this.frames.push({ connection, text });
    return this.verdict;
  }

  whenDrained(_connection: number, goOn: () => void): void {
    this.goOn = goOn;
  }

  heard(connection: number): void {
    this.signs.push(connection);
  }

  abused(connection: number): void {
    this.abuses.push(connection);
  }

  closed(connection: number, code: number): void {
    this.closures.push({ connection, code });
  }

  congested(connection: number): void {
    this.congestions.push(connection);
  }

  drained(connection: number): void {
    this.drains.push(connection);
  }
}

/** What a client of sockets under test may send: 2,5 MiB at once, and 640 KiB a second. */
export const INBOUND: InboundLimits = { ...INBOUND_LIMITS, inboundBytesPerSecond: 640 * 1_024 };

/** The outbound limit that sockets under test are made with. */
export const OUTBOUND_MAX_BYTES = 65_536;

/** More than kernels on both sides keep for a client that does not read. */
const FLOOD = 400;
const LARGE = 'x'.repeat(60_000);

/** What all sockets promise (ports/sockets.ts), and how they tell the core (ports/inbox.ts). */
export function socketsContract(
  name: string,
  make: (inbox: RecordingInbox) => Promise<SocketsUnderTest>,
): void {
  describe(`sockets contract: ${name}`, () => {
    let under: SocketsUnderTest;
    let inbox: RecordingInbox;
    const open = async (): Promise<Sockets> => {
      inbox = new RecordingInbox();
      under = await make(inbox);
      return under.sockets;
    };
    afterEach(() => under.close());

    const batch = (...frames: string[]): FrameBatch => frameBatch(frames, 1, frames.length);

    test('frames arrive whole and in order, after a flush', async () => {
      const sockets = await open();
      const peer = await under.connect();
      sockets.write(1, ['"one"', '"two"']);
      sockets.write(1, ['"ünïcödé 👋"']);
      await under.settle();
      expect(peer.received).toEqual([]);
      expect(sockets.dirty).toBe(1);
      sockets.flush();
      expect(sockets.dirty).toBe(0);
      await under.until(() => peer.received.length === 3);
      expect(peer.received).toEqual(['"one"', '"two"', '"ünïcödé 👋"']);
    });

    test('[FR1] frames of every size keep their bounds', async () => {
      const sockets = await open();
      const peer = await under.connect();
      const frames = [1, 125, 126, 127, 65_535, 65_536, 300_000].map((size) => 'y'.repeat(size));
      for (const frame of frames) sockets.write(1, [frame]);
      sockets.flush();
      await under.until(() => peer.received.length === frames.length);
      expect(peer.received.map((frame) => frame.length)).toEqual(frames.map((frame) => frame.length));
    });

    test('a batch goes to the named connections only; one that is gone is passed over', async () => {
      const sockets = await open();
      const peers = [
        await under.connect(),
        await under.connect(),
        await under.connect(),
        await under.connect(),
      ];
      expect(sockets.fanout(batch('"a"', '"b"'), [1, 2, 99, 3, 4], 1, 4)).toEqual([]);
      sockets.flush();
      await under.until(() => peers[1]?.received.length === 2 && peers[2]?.received.length === 2);
      await under.settle();
      expect(peers.map(({ received }) => received)).toEqual([[], ['"a"', '"b"'], ['"a"', '"b"'], []]);
    });

    test('writes and batches keep their order among each other', async () => {
      const sockets = await open();
      const peer = await under.connect();
      sockets.write(1, ['"1"']);
      sockets.fanout(batch('"2"', '"3"'), [1], 0, 1);
      sockets.write(1, ['"4"']);
      sockets.flush();
      await under.until(() => peer.received.length === 4);
      expect(peer.received).toEqual(['"1"', '"2"', '"3"', '"4"']);
    });

    test('frames of a client come in order', async () => {
      await open();
      const peer = await under.connect();
      for (let n = 0; n < 50; n++) peer.send(`"${n}"`);
      await under.until(() => inbox.frames.length === 50);
      expect(inbox.frames.map(({ text }) => text)).toEqual(Array.from({ length: 50 }, (_, n) => `"${n}"`));
    });

    test('[LM8] a crowded connection is not read until it is drained, and loses nothing', async () => {
      await open();
      const peer = await under.connect();
      inbox.verdict = 'crowded';
      peer.send('"first"');
      await under.until(() => inbox.frames.length === 1);
      for (let n = 0; n < 20; n++) peer.send(`"${n}"`);
      await under.settle();
      expect(inbox.frames).toHaveLength(1);
      inbox.verdict = 'taken';
      inbox.goOn?.();
      await under.until(() => inbox.frames.length === 21);
      expect(inbox.frames.map(({ text }) => text).slice(1)).toEqual(
        Array.from({ length: 20 }, (_, n) => `"${n}"`),
      );
    });

    test('[LM8] a frame that is not taken is answered under its id', async () => {
      const sockets = await open();
      const peer = await under.connect();
      inbox.verdict = 'full';
      peer.send('{"type":"chat","id":"m-1"}');
      await under.settle();
      sockets.flush();
      await under.until(() => peer.received.length === 1);
      expect(JSON.parse(peer.received[0] as string)).toMatchObject({
        type: 'error',
        id: 'm-1',
        code: 'unavailable',
      });
    });

    test('a close comes after what was written, with its code, and the core hears of it once', async () => {
      const sockets = await open();
      const peer = await under.connect();
      sockets.write(1, ['"last"']);
      sockets.close(1, 4003, 'draining');
      sockets.write(1, ['"too late"']);
      sockets.flush();
      await under.until(() => peer.closedWith !== undefined && inbox.closures.length > 0);
      await under.settle();
      expect(peer.received).toEqual(['"last"']);
      expect(peer.closedWith).toBe(4003);
      expect(inbox.closures).toEqual([{ connection: 1, code: 4003 }]);
    });

    test('a client that closes is heard with its code, one that is cut off with 1006', async () => {
      const sockets = await open();
      const [polite, rude] = [await under.connect(), await under.connect()];
      polite.close(1000);
      await under.until(() => inbox.closures.length === 1);
      rude.abort();
      await under.until(() => inbox.closures.length === 2);
      expect(inbox.closures).toEqual([
        { connection: 1, code: 1000 },
        { connection: 2, code: 1006 },
      ]);
      // Nothing is done for who is gone, and nothing breaks.
      sockets.write(1, ['"x"']);
      sockets.ping(2);
      sockets.close(1, 1011, '');
      sockets.reopen(2);
      expect(sockets.fanout(batch('"x"'), [1, 2], 0, 2)).toEqual([]);
      expect(sockets.measure(1).readBytes).toBe(0);
      sockets.flush();
      await under.settle();
      expect(inbox.closures).toHaveLength(2);
    });

    test('[PU3] a ping counts as a sign of life: a time, which is reported only to a listener', async () => {
      const sockets = await open();
      await under.connect();
      expect(sockets.measure(1).heardAt).toBe(-Infinity);
      sockets.ping(1);
      await under.until(() => sockets.measure(1).heardAt > -Infinity);
      await under.settle();
      expect(inbox.signs).toEqual([]);
    });

    test('[LC2] a listener gets the next sign of life, once, and at once when there was one', async () => {
      const sockets = await open();
      const peer = await under.connect();
      sockets.listen(1, -Infinity);
      peer.pong();
      peer.pong();
      await under.until(() => inbox.signs.length === 1);
      await under.settle();
      expect(inbox.signs).toEqual([1]);
      const { heardAt } = sockets.measure(1);
      sockets.listen(1, heardAt);
      expect(inbox.signs).toEqual([1]);
      sockets.listen(1, heardAt - 1);
      expect(inbox.signs).toEqual([1, 1]);
      sockets.listen(99, 0);
    });

    test('[LM11] too many control frames are no sign of life; a client that goes on is closed, and others are served', async () => {
      const sockets = await open();
      const [flooding, calm] = [await under.connect(), await under.connect()];
      for (let n = 0; n < 150; n++) flooding.pong();
      flooding.send('"behind"');
      await under.until(() => inbox.frames.length === 1);
      expect(inbox.abuses).toEqual([]);
      for (let n = 0; n < 400; n++) flooding.pong();
      flooding.send('"too late"');
      await under.until(() => flooding.closedWith !== undefined && inbox.closures.length === 1);
      await under.settle();
      expect(flooding.closedWith).toBe(4504);
      expect(inbox.abuses).toEqual([1]);
      expect(inbox.signs).toEqual([]);
      expect(inbox.frames.map(({ text }) => text)).toEqual(['"behind"']);
      calm.send('"well"');
      sockets.write(2, ['"you too"']);
      sockets.flush();
      await under.until(() => inbox.frames.length === 2 && calm.received.length === 1);
    });

    test('[LM11] over its bytes a client is not read for a while, and loses nothing', async () => {
      await open();
      const peer = await under.connect();
      const frames = Array.from({ length: 60 }, (_, n) => `"${n} ${LARGE}"`);
      for (const frame of frames) peer.send(frame);
      await under.until(() => inbox.frames.length >= 40);
      const { length } = inbox.frames;
      expect(length).toBeLessThan(50);
      await under.until(() => inbox.frames.length === 60);
      expect(inbox.frames.map(({ text }) => text)).toEqual(frames);
      expect(inbox.abuses).toEqual([]);
    });

    test('[LM7] a client that does not read is congested, refuses batches until it is reopened, and misses no write', async () => {
      const sockets = await open();
      const [slow, quick] = [await under.connect(), await under.connect()];
      slow.stopReading();
      let sent = 0;
      while (inbox.congestions.length === 0 && sent < FLOOD) {
        expect(sockets.fanout(batch(LARGE), [1, 2], 0, 2)).toEqual([]);
        sockets.flush();
        sent++;
        await under.settle();
      }
      expect(inbox.congestions).toEqual([1]);
      const read = sockets.measure(1).readBytes;
      expect(sockets.fanout(batch('"refused"'), [1, 2], 0, 2)).toEqual([1]);
      // Replies are taken all the same: what asks for them is bounded.
      sockets.write(1, ['"reply"']);
      sockets.flush();
      // Reopening is for when it has drained.
      sockets.reopen(1);
      expect(sockets.fanout(batch('"refused too"'), [1], 0, 1)).toEqual([1]);
      slow.readAgain();
      await under.until(() => inbox.drains.length === 1);
      expect(inbox.drains).toEqual([1]);
      expect(sockets.measure(1).readBytes).toBeGreaterThan(read);
      expect(sockets.fanout(batch('"still shut"'), [1], 0, 1)).toEqual([1]);
      sockets.reopen(1);
      expect(sockets.fanout(batch('"live again"'), [1], 0, 1)).toEqual([]);
      sockets.flush();
      await under.until(() => slow.received.at(-1) === '"live again"');
      expect(slow.received.slice(sent)).toEqual(['"reply"', '"live again"']);
      await under.until(() => quick.received.length === sent + 1);
    });
  });
}
