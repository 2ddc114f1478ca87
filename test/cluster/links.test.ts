import { describe, expect, test } from 'vitest';
import { CROSSING_VERSION } from '../../src/actors/messages/crossing.ts';
import { frameText, readFrame, type Frame } from '../../src/cluster/links/frame.ts';
import { LinkedBus } from '../../src/cluster/links/linked-bus.ts';
import type { CarrierEvents } from '../../src/runtime/ports/carrier.ts';
import { IncomingLink } from '../../src/cluster/links/incoming-link.ts';
import { OutgoingLink, type Numbered } from '../../src/cluster/links/outgoing-link.ts';

const NO_RECEIPT = { life: 0, upTo: 0, isMissing: false };
const frame = (sent: Numbered): Frame => ({ from: 'a.1', to: 'b.1', receipt: NO_RECEIPT, ...sent });
const next = (link: OutgoingLink, now = 0): Numbered => link.next(now) as Numbered;

describe('a frame', () => {
  const whole: Frame = {
    from: 'a.1',
    to: 'b.1',
    life: 2,
    number: 17,
    isLossy: true,
    receipt: { life: 1, upTo: 9, isMissing: true },
    lines: ['{"a":1}', '{"b":"\\n"}'],
  };

  test('is read as it was written', () => {
    expect(readFrame(frameText(whole))).toEqual(whole);
    expect(readFrame(frameText({ ...whole, lines: [] }))).toEqual({ ...whole, lines: [] });
  });

  test.each([
    '',
    'hello',
    '-1 a b 1 1 0 0 0',
    `${CROSSING_VERSION} a b 1 1 0 0`,
    `${CROSSING_VERSION} a b 1 1 0 0 9`,
  ])('%j is malformed', (text) => expect(readFrame(text)).toBe('malformed'));

  test('of another version is told apart, whatever follows', () => {
    expect(readFrame(`${CROSSING_VERSION + 1} something else`)).toBe('version');
  });
});

describe('a link that sends', () => {
  test('gathers what waits into one frame, of 256 KiB or one message', () => {
    const link = new OutgoingLink();
    for (const line of ['x', 'y'.repeat(300_000), 'z']) link.add(line, 0);
    expect([next(link), next(link), next(link)].map(({ number, lines }) => [number, lines[0]?.[0]])).toEqual([
      [1, 'x'],
      [2, 'y'],
      [3, 'z'],
    ]);
    expect(link.next(0)).toBeUndefined();
  });

  test('publishes again what has no receipt: after 300 ms, then after twice as long, from the first on', () => {
    const link = new OutgoingLink();
    link.add('one', 0);
    next(link);
    link.add('two', 0);
    next(link);
    expect(link.tick(299)).toBe(false);
    expect(link.next(299)).toBeUndefined();
    link.tick(300);
    expect([next(link, 300).number, next(link, 300).number, link.next(300)]).toEqual([1, 2, undefined]);
    link.receipt({ life: 1, upTo: 1, isMissing: false }, 400);
    link.tick(699);
    expect(link.next(699)).toBeUndefined();
    link.tick(700);
    expect(next(link, 700).number).toBe(2);
  });

  test('publishes again at once what the peer misses, and not once more for each word of it', () => {
    const link = new OutgoingLink();
    for (const line of ['one', 'two', 'three']) {
      link.add(line, 0);
      next(link);
    }
    const missing = { life: 1, upTo: 0, isMissing: true };
    link.receipt(missing, 10);
    link.receipt(missing, 11);
    expect([next(link, 11).number, next(link, 11).number, next(link, 11).number]).toEqual([1, 2, 3]);
    expect(link.next(11)).toBeUndefined();
  });

  test('has 1 MiB under way and 4 MiB waiting at most; a message that it refused is known to be lost', () => {
    const link = new OutgoingLink();
    const line = 'x'.repeat(250_000);
    let taken = 0;
    while (link.add(line, 0)) taken++;
    expect(taken).toBe(Math.floor((4 * 1_024 * 1_024) / line.length));
    let underWay = 0;
    while (link.next(0)) underWay++;
    expect(underWay).toBe(4);
    link.receipt({ life: 1, upTo: 1, isMissing: false }, 0);
    // The first frame that is cut from here on says so.
    expect(next(link)).toMatchObject({ number: 5, isLossy: false });
  });

  test('gives up all that it holds after 10 s, and says so in the first frame of its next life', () => {
    const link = new OutgoingLink();
    link.add('one', 0);
    next(link);
    link.add('two', 9_000);
    expect(link.tick(9_999)).toBe(false);
    expect(link.tick(10_000)).toBe(true);
    const first = next(link, 10_000);
    expect(first).toEqual(expect.objectContaining({ life: 2, number: 1, isLossy: true, lines: [] }));
    // A receipt of the life before is none of this.
    expect(link.receipt({ life: 1, upTo: 5, isMissing: false }, 10_001)).toBe(false);
    expect(link.receipt({ life: 2, upTo: 1, isMissing: false }, 10_002)).toBe(true);
  });
});

describe('a link that receives', () => {
  const sent = (number: number, change: Partial<Numbered> = {}): Frame =>
    frame({ life: 1, number, isLossy: false, lines: [String(number)], ...change });

  test('puts frames into their order, and takes each once', () => {
    const link = new IncomingLink();
    expect(link.take(sent(2)).lines).toEqual([]);
    expect(link.receipt).toEqual({ life: 1, upTo: 0, isMissing: true });
    expect(link.take(sent(3)).lines).toEqual([]);
    expect(link.take(sent(1)).lines).toEqual(['1', '2', '3']);
    for (const number of [1, 2, 3]) expect(link.take(sent(number)).lines).toEqual([]);
    expect(link.receipt).toEqual({ life: 1, upTo: 3, isMissing: false });
  });

  test('keeps 64 early frames; later ones come again', () => {
    const link = new IncomingLink();
    for (let number = 2; number <= 100; number++) link.take(sent(number));
    expect(link.take(sent(1)).lines).toHaveLength(65);
    expect(link.receipt.upTo).toBe(65);
  });

  test('begins anew with a new life of the peer’s link, and takes nothing of the one before', () => {
    const link = new IncomingLink();
    link.take(sent(1));
    expect(link.take(sent(1, { life: 2, isLossy: true, lines: [] }))).toMatchObject({
      isHole: true,
      lines: [],
    });
    expect(link.take(sent(2)).lines).toEqual([]);
    expect(link.take(sent(2, { life: 2 })).lines).toEqual(['2']);
  });
});

describe('a link over a carrier that loses half of all, repeats and reorders', () => {
  test('[D13] brings everything, in order, once', () => {
    const [out, into] = [new OutgoingLink(), new IncomingLink()];
    let seed = 7;
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    const came: string[] = [];
    const air: Frame[] = [];
    for (let now = 0, n = 0; came.length < 500 && now < 60_000; now += 20) {
      if (n < 500) out.add(String(n++), now);
      for (let sent = out.next(now); sent; sent = out.next(now))
        for (let copies = Math.floor(random() * 3); copies > 0; copies--) air.push(frame(sent));
      air.sort(() => random() - 0.5);
      for (const one of air.splice(0, Math.ceil(air.length / 2))) came.push(...into.take(one).lines);
      if (random() < 0.5) out.receipt(into.receipt, now);
      expect(out.tick(now)).toBe(false);
    }
    expect(came).toEqual(Array.from({ length: 500 }, (_, at) => String(at)));
  });
});

test('[D13] a link that was forgotten begins in a new life: its frames are not those of the one before', () => {
  const published: string[] = [];
  const bus = new LinkedBus({
    self: 'a.1',
    carrier: {
      isUp: true,
      connect: (_: CarrierEvents) => {},
      publish: (_, text, done) => {
        published.push(text);
        done(true);
      },
    },
    sealer: { seal: (text) => text, open: (text) => text },
    now: () => 0,
    telemetry: { count: () => {}, log: () => {} },
  });
  const whois = (to: string): void => {
    bus.send('b.1', { type: 'whois', to });
    bus.flush();
  };
  // A view names the peer before a look at the leases shows it.
  whois('room:a');
  bus.know([]);
  bus.know(['b.1']);
  whois('room:b');
  const receiver = new IncomingLink();
  const taken = published.map((text) => receiver.take(readFrame(text) as Frame).lines.length);
  expect(taken).toEqual([1, 1]);
});
