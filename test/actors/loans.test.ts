import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CONNECTION_LIMITS } from '../../src/actors/connection/context.ts';
import { Loan } from '../../src/actors/connection/loan.ts';
import { Allowance } from '../../src/actors/home/allowance.ts';
import { Program } from '../support/program.ts';

const BURST = 60;
const STEP_MS = 1_000;

/** A connection as it uses its loans, without the actors around it. */
class Device {
  readonly #address: string;
  readonly #home: Allowance;
  #loan = new Loan();
  asked = 0;

  constructor(address: string, home: Allowance) {
    this.#address = address;
    this.#home = home;
  }

  /** 0 when a message is sent, or how long there is none. */
  send(now: number): number {
    if (this.#loan.take(now)) return 0;
    this.asked++;
    const lent = this.#home.lend(this.#address, 1, this.#loan.end(), now);
    this.#loan.lent(lent, now);
    if (lent.retryAfterMs === 0) expect(this.#loan.take(now)).toBe(true);
    return lent.retryAfterMs;
  }

  close(now: number): void {
    this.#home.returnLoan(this.#address, this.#loan.end(), now);
    this.#loan = new Loan();
  }
}

const home = (messagesPerMinute = BURST): Allowance =>
  new Allowance({ messagesPerMinute, connectionsMax: 0 });

describe('[D23] [LM2] loans', () => {
  test('all devices and REST together never pass the burst and the rate, and who waits as told has one', () => {
    const act = fc.record({
      who: fc.integer({ min: 0, max: 3 }),
      // How many it sends; 0: it closes.
      count: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constantFrom(1, 8, 1_000)),
      waitMs: fc.oneof(
        fc.constant(0),
        fc.integer({ min: 0, max: 900 }),
        fc.integer({ min: 6_000, max: 12_000 }),
      ),
    });
    fc.assert(
      fc.property(fc.constantFrom(5, BURST, 240, 1_000), fc.array(act, { maxLength: 40 }), (burst, acts) => {
        const allowance = home(burst);
        const stepMs = 60_000 / burst;
        const devices = ['a', 'b', 'c'].map((name) => new Device(name, allowance));
        const sent: number[] = [];
        let now = 0;
        const send = (who: number): number => {
          const restMs = devices[who]?.send(now) ?? allowance.spend(now);
          if (restMs === 0) sent.push(now);
          return restMs;
        };
        for (const { who, count, waitMs } of acts) {
          now += waitMs;
          if (count === 0) devices[who]?.close(now);
          for (let n = count; n > 0; n--) if (send(who) > 0) break;
        }
        // Most of all in any span: what a plain bucket owes when all that was sent is put into it.
        let owed = 0;
        for (const [n, at] of sent.entries()) {
          owed = Math.max(0, owed - (at - (sent[n - 1] ?? at)) / stepMs) + 1;
          expect(owed).toBeLessThanOrEqual(burst + 0.001);
        }
        // Everything that there is, by way of REST; then as told.
        let restMs = 0;
        while ((restMs = allowance.spend(now)) === 0);
        expect(restMs).toBeLessThanOrEqual(Math.ceil(stepMs));
        expect(allowance.spend(now + restMs - 1)).toBeGreaterThan(0);
        expect(allowance.spend(now + restMs)).toBe(0);
      }),
    );
  });

  test('lent messages are not refilled as long as the connection can use them', () => {
    const allowance = home();
    const device = new Device('a', allowance);
    let sent = 0;
    for (let n = 0; n < 8; n++) expect(device.send(0)).toBe(0);
    const later = 9_900;
    while (allowance.spend(later) === 0) sent++;
    // The rest of the loan; and nothing beyond it.
    while (device.send(later) === 0) sent++;
    expect(sent).toBe(BURST);
  });

  test('a loan starts at one and doubles to eight while the connection comes back; an eighth of what is left at most', () => {
    const allowance = home(600);
    const counts = (address: string, times: number, now: number): number[] =>
      Array.from({ length: times }, () => allowance.lend(address, 1, 0, now).count);
    expect(counts('a', 5, 0)).toEqual([1, 2, 4, 8, 8]);
    expect(counts('b', 2, 0)).toEqual([1, 2]);
    expect(counts('a', 2, 1_000)).toEqual([8, 8]);
    expect(counts('a', 1, 2_001)).toEqual([1]);
    const small = home();
    const left = [60];
    for (let n = 0; n < 40; n++) {
      const { count } = small.lend('a', 1, 0, 0);
      if (count === 0) break;
      expect(count).toBeLessThanOrEqual(Math.max(1, (left.at(-1) as number) / 8));
      left.push((left.at(-1) as number) - count);
    }
    expect(left.at(-1)).toBe(0);
  });

  test('one device alone has all messages of the burst, asks for few of them, and then one after the other', () => {
    const allowance = home();
    const device = new Device('a', allowance);
    for (let n = 0; n < BURST; n++) expect(device.send(0)).toBe(0);
    expect(device.asked).toBe(29);
    expect(device.send(0)).toBe(STEP_MS);
    for (let n = 1; n < 30; n++) {
      expect(device.send(n * STEP_MS)).toBe(0);
      expect(device.send(n * STEP_MS)).toBe(STEP_MS);
    }
    // After a rest it has all of them again.
    for (let n = 0; n < BURST; n++) expect(device.send(100 * STEP_MS)).toBe(0);
  });

  test('unused messages go back when the connection closes, with its next question, and also late', () => {
    const rest = (allowance: Allowance, now: number): number => {
      for (let n = 0; ; n++) if (allowance.spend(now) > 0) return n;
    };
    const lent = (): Allowance => {
      const allowance = home();
      for (let n = 0; n < 4; n++) allowance.lend('a', 1, n === 0 ? 0 : 2 ** (n - 1) - 1, 0);
      return allowance;
    };
    // Loans of 1, 2, 4 and 7, and one of each was used.
    expect(rest(lent(), 0)).toBe(BURST - 4 - 6);
    const closed = lent();
    closed.returnLoan('a', 6, 0);
    expect(rest(closed, 0)).toBe(BURST - 4);
    const asked = lent();
    expect(asked.lend('a', 1, 6, 0).count).toBe(7);
    expect(rest(asked, 0)).toBe(BURST - 5 - 6);
    // More than was lent is not believed, nor twice.
    const cheated = lent();
    for (let n = 0; n < 3; n++) cheated.returnLoan('a', 100, 0);
    expect(rest(cheated, 0)).toBe(BURST - 4);
    // A loan that is over counts as used, until it is known not to be.
    expect(rest(lent(), 10_000)).toBe(BURST - 6);
    const late = lent();
    expect(late.spend(10_000)).toBe(0);
    late.returnLoan('a', 6, 12_000);
    expect(rest(late, 12_000)).toBe(BURST);
    // Once the bucket was full without it there is no room for it any more.
    const tooLate = lent();
    expect(rest(tooLate, 20_000)).toBe(BURST);
    tooLate.returnLoan('a', 6, 20_000);
    expect(rest(tooLate, 20_000)).toBe(0);
  });
});

describe('[D23] loans, among the actors', () => {
  const messagesPerMinute = BURST;
  const limited = (): Program =>
    new Program({
      allowance: { messagesPerMinute, connectionsMax: 0 },
      connection: { ...CONNECTION_LIMITS, messagesPerMinute },
    });
  const say = (p: Program, connection: number, ids: readonly string[]): void => {
    for (const id of ids) {
      const frame = { type: 'chat', id, room: 'r', content: 'x' };
      p.inbox.frame(connection, JSON.stringify(frame));
    }
    p.settle();
  };
  const named = (prefix: string, count: number): string[] =>
    Array.from({ length: count }, (_, n) => `${prefix}${n}`);
  const answers = (p: Program, connection: number): any[] =>
    p.frames(connection).filter(({ type }) => type === 'ack' || type === 'error');
  const acks = (p: Program, connection: number): number =>
    answers(p, connection).filter(({ type }) => type === 'ack').length;

  test('[LM2] two devices have the burst together, in the order sent, and the wait in their errors is the true one', () => {
    const p = limited();
    const [phone, laptop] = [p.connect('ann'), p.connect('ann')];
    for (let n = 0; n < 5; n++) {
      say(p, phone, named(`p${n}-`, 8));
      say(p, laptop, named(`l${n}-`, 8));
    }
    expect(acks(p, phone) + acks(p, laptop)).toBeLessThanOrEqual(BURST);
    expect(acks(p, phone) + acks(p, laptop)).toBeGreaterThan(BURST - 8);
    const refused = [...answers(p, phone), ...answers(p, laptop)].filter(({ type }) => type === 'error');
    for (const { code, retryAfterMs } of refused) {
      expect(code).toBe('rate_limited');
      expect(retryAfterMs).toBeGreaterThan(0);
      expect(retryAfterMs).toBeLessThanOrEqual(STEP_MS);
    }
    for (const prefix of ['p', 'l']) {
      const stored = p
        .log('r')
        .map((line) => line.split(':')[1] as string)
        .filter((id) => id.startsWith(prefix));
      expect(stored).toEqual(stored.toSorted((a, b) => (a < b ? -1 : 1)));
    }
    p.advance(refused.at(-1).retryAfterMs);
    const before = acks(p, phone);
    say(p, phone, ['again']);
    expect(acks(p, phone)).toBe(before + 1);
  });

  test('[DG7] a message that comes while the connection asks for a loan waits behind the ask', () => {
    const p = limited();
    const ann = p.connect('ann');
    const ids = named('m', 40).map((id) => id.padStart(4, '0'));
    say(p, ann, ids);
    expect(p.log('r').map((line) => line.split(':')[1])).toEqual(ids);
    expect(answers(p, ann).map(({ id }) => id)).toEqual(ids);
  });

  test('what a connection that closes has not used is there for the others', () => {
    const p = limited();
    const [phone, laptop] = [p.connect('ann'), p.connect('ann')];
    // Loans of 1, 2, 4, and 6 of which one is used: 5 are out.
    say(p, phone, named('p', 8));
    p.inbox.closed(phone, 1000);
    p.settle();
    say(p, laptop, named('l', BURST));
    expect(acks(p, phone) + acks(p, laptop)).toBe(BURST);
  });

  test('a home that begins again takes back nothing that it has not lent', () => {
    const p = limited();
    const phone = p.connect('ann');
    say(p, phone, named('p', 8));
    p.tell('user:ann', { type: 'boom' });
    p.advance(1_000);
    say(p, phone, named('q', BURST + 8));
    // The loan that ran is used up, and the new generation of the home has a burst of its own.
    expect(acks(p, phone)).toBeLessThanOrEqual(8 + 5 + BURST);
    expect(answers(p, phone).filter(({ code }) => code === 'rate_limited')).toHaveLength(3);
  });

  test('a lone message leaves no timer behind, and causes no later wake-up', () => {
    const wakesAfter = (isSent: boolean): number[] => {
      const p = limited();
      const ann = p.connect('ann');
      say(p, ann, ['first']);
      p.advance(2_000);
      const { timers } = p.system.census();
      const wakes: number[] = [];
      const wakeAfter = p.world.clock.wakeAfter.bind(p.world.clock);
      p.world.clock.wakeAfter = (delayMs, wake) => {
        wakeAfter(delayMs, () => {
          wakes.push(p.world.clock.now());
          wake();
        });
      };
      if (isSent) say(p, ann, ['lone']);
      expect(acks(p, ann)).toBe(isSent ? 2 : 1);
      expect(p.system.census().timers).toBe(timers);
      p.advance(12_000);
      return wakes;
    };
    expect(wakesAfter(true)).toEqual(wakesAfter(false));
  });
});
