import { describe, expect, test } from 'vitest';
import { Mailbox, type Envelope } from '../../src/runtime/mailbox.ts';

const envelope = (message: unknown): Envelope => ({
  from: '',
  message,
  ask: 0,
  deadline: Infinity,
  timer: undefined,
  generation: -1,
  crashes: 0,
});

const drain = (mailbox: Mailbox, held = false): unknown[] => {
  const all: unknown[] = [];
  for (let next = mailbox.shift(held); next; next = mailbox.shift(held)) all.push(next.message);
  return all;
};

describe('[D4] a mailbox', () => {
  test('takes system before user before latest messages, each in order', () => {
    const mailbox = new Mailbox(10);
    mailbox.push(envelope('l1'), 'latest', 'a');
    mailbox.push(envelope('u1'), 'user', undefined);
    mailbox.push(envelope('s1'), 'system', undefined);
    mailbox.push(envelope('u2'), 'user', undefined);
    mailbox.push(envelope('s2'), 'system', undefined);
    expect(drain(mailbox)).toEqual(['s1', 's2', 'u1', 'u2', 'l1']);
    expect(mailbox.size).toBe(0);
  });

  test('[LM8] refuses one user message more than its bound, and takes system messages still', () => {
    const mailbox = new Mailbox(3);
    const taken = Array.from({ length: 5 }, (_, n) => mailbox.push(envelope(n), 'user', undefined));
    expect(taken).toEqual(['queued', 'queued', 'queued', 'full', 'full']);
    expect(mailbox.push(envelope('s'), 'system', undefined)).toBe('queued');
    expect(drain(mailbox)).toEqual(['s', 0, 1, 2]);
    expect(mailbox.push(envelope('again'), 'user', undefined)).toBe('queued');
  });

  test('keeps the newest of a key, in the place of the oldest', () => {
    const mailbox = new Mailbox(2);
    mailbox.push(envelope('a1'), 'latest', 'a');
    mailbox.push(envelope('b1'), 'latest', 'b');
    expect(mailbox.push(envelope('a2'), 'latest', 'a')).toBe('coalesced');
    expect(mailbox.push(envelope('c'), 'latest', 'c')).toBe('full');
    expect(drain(mailbox)).toEqual(['a2', 'b1']);
  });

  test('gives out system messages only while it is held', () => {
    const mailbox = new Mailbox(5);
    mailbox.push(envelope('u'), 'user', undefined);
    mailbox.push(envelope('l'), 'latest', 'x');
    mailbox.push(envelope('s'), 'system', undefined);
    expect(drain(mailbox, true)).toEqual(['s']);
    expect(mailbox.hasWork(true)).toBe(false);
    expect(mailbox.hasWork(false)).toBe(true);
    expect(drain(mailbox)).toEqual(['u', 'l']);
  });

  test('puts one back in front', () => {
    const mailbox = new Mailbox(5);
    mailbox.push(envelope('s'), 'system', undefined);
    mailbox.unshift(envelope('back'));
    mailbox.unshift(envelope('first'));
    expect(drain(mailbox)).toEqual(['first', 'back', 's']);
  });

  test('stays in order over a long life', () => {
    const mailbox = new Mailbox(5_000);
    const got: unknown[] = [];
    for (let round = 0, n = 0; round < 400; round++) {
      for (let k = 0; k < 20; k++) mailbox.push(envelope(n++), 'user', undefined);
      for (let k = 0; k < 11 + (round % 17); k++) {
        const next = mailbox.shift(false);
        if (next) got.push(next.message);
      }
    }
    got.push(...drain(mailbox));
    expect(got).toEqual(Array.from({ length: 8_000 }, (_, at) => at));
  });
});
