import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Account } from './account.mjs';
import { Crowd } from './crowd.mjs';

/** How long what was sent may take to come, after what was measured. */
const PATIENCE_MS = 5_000;

/** A message that comes twice comes within this. */
const DOUBLES_MS = 200;

/** Around a message's number in its content. */
const MARK = '~';
const CONTENT_BYTES = 100;

/**
 * Messages over some rooms, and what each costs the server. Closed loop: so many `inFlight` in all, each until all members of
 * its room have it and its sender the ack. Open loop: `rate` a second, evenly, and a message's time counts from when it was due.
 */
export const load = (given) => async (server, options) => {
  const { rooms, members, inFlight, rate, warm, seconds } = { ...given, ...options };
  const account = new Account({ rooms, members });
  const crowd = new Crowd(server);
  const { wire } = server;
  const times = [];
  let [isOver, isMeasured] = [false, false];

  const send = (due) => {
    const { n, room } = account.send(due);
    crowd.at(room * members).send(wire.chat(`r${room}`, n, `${MARK}${n}${MARK}`.padEnd(CONTENT_BYTES, 'x')));
  };
  const came = (due) => {
    if (due === undefined) return;
    const now = performance.now();
    if (isMeasured) times.push(now - due);
    if (inFlight && !isOver) send(now);
  };
  const heard = (n, text) => {
    try {
      const from = text.indexOf(MARK);
      if (from >= 0) {
        const number = Number(text.slice(from + 1, text.indexOf(MARK, from + 1)));
        came(account.shown(Math.floor(n / members), n % members, number));
        return;
      }
      const ack = wire.ack.exec(text);
      if (ack) came(account.acked(Number(ack[1])));
      else if (wire.refusal && text.startsWith(wire.refusal)) throw new Error(`it was refused: ${text}`);
    } catch (error) {
      crowd.fail(error.message);
    }
  };
  /** Sends what is due; called every millisecond. */
  const pace = () => {
    let sent = 0;
    const began = performance.now();
    return setInterval(() => {
      const due = Math.floor(((performance.now() - began) * rate) / 1_000);
      while (sent < due) send(began + (sent++ * 1_000) / rate);
    }, 1);
  };

  const wait = (ms) => Promise.race([sleep(ms), crowd.fault]);
  let pacer;
  try {
    await crowd.grow(rooms * members, { roomOf: (n) => `r${Math.floor(n / members)}`, heard });
    if (rate) pacer = pace();
    for (let n = 0; n < (inFlight ?? 0); n++) send(performance.now());
    await wait(warm * 1_000);
    const before = {
      cpuMs: server.cpuMs(),
      done: account.done,
      at: performance.now(),
      own: process.cpuUsage(),
    };
    isMeasured = true;
    const patience = performance.now() + seconds * 1_000 + PATIENCE_MS;
    const until = async (isSo) => {
      while (!isSo() && performance.now() < patience) await wait(20);
    };
    await wait(seconds * 1_000);
    // A window that is shorter than a message takes lasts until one came.
    await until(() => account.done > before.done);
    isMeasured = false;
    const [cpuMs, done] = [server.cpuMs() - before.cpuMs, account.done - before.done];
    const elapsed = (performance.now() - before.at) / 1_000;
    const own = process.cpuUsage(before.own);
    isOver = true;
    clearInterval(pacer);
    await until(() => account.missing === 0);
    await wait(DOUBLES_MS);
    if (account.missing > 0) throw new Error(`${account.missing} of the messages never came, or their acks`);
    if (done === 0) throw new Error('no message came while it was measured');
    times.sort((a, b) => a - b);
    return {
      cpuUs: (cpuMs * 1_000) / done / members,
      perSecond: done / elapsed,
      p50Ms: times[Math.floor(times.length * 0.5)],
      p99Ms: times[Math.floor(times.length * 0.99)],
      serverShare: cpuMs / 1_000 / elapsed,
      clientShare: (own.user + own.system) / 1e6 / elapsed,
    };
  } finally {
    clearInterval(pacer);
    crowd.drop();
  }
};
