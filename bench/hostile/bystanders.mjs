import { setTimeout as sleep } from 'node:timers/promises';
import { token } from '../token.mjs';
import { unique } from './swarm.mjs';
import { WebSocket } from 'ws';

/** Messages of each in a second: with the burst of LM2 that is good for half a minute. */
const RATE = 3;

/** Of two each. One pair alone says too little: the p99 of 90 acks is their maximum. */
const PAIRS = 8;

/** How long a message may take to be acked and shown before it counts as lost. */
const PATIENCE_MS = 30_000;

/** Pairs that chat, each in a room of its own, and notice how it goes. */
export class Bystanders {
  #all = [];
  #times = [];
  #waiting = new Map();
  #isOver = false;
  #talking;
  problems = [];

  async join(target) {
    const all = Array.from({ length: PAIRS }, (_, n) =>
      ['alice', 'bob'].map((name) => this.#enter(target, `${name}${n}`, n)),
    );
    this.#all = await Promise.all(all.flat());
  }

  /** Each pair has an address of its own: so many connections at once from one would be over LM3. */
  #enter({ url, secret }, user, pair) {
    const one = { room: `bystanders${pair}`, seqs: [], acked: [] };
    const headers = { authorization: `Bearer ${token(user, secret)}` };
    one.ws = new WebSocket(url, { headers, localAddress: `127.0.1.${pair + 1}`, perMessageDeflate: false });
    return new Promise((resolve, reject) => {
      one.ws.on('error', reject);
      one.ws.on('close', (code) => this.#isOver || this.problems.push(`a bystander was closed with ${code}`));
      one.ws.on('message', (data) => this.#heard(one, JSON.parse(data.toString()), resolve));
    });
  }

  #heard(one, frame, resolve) {
    if (frame.action === 'welcome') one.ws.send(JSON.stringify({ type: 'join', id: 'join', room: one.room }));
    else if (frame.id === 'join') resolve(one);
    else if (frame.type === 'heartbeat') one.ws.send('{"type":"heartbeat","status":"pong"}');
    else if (frame.type === 'chat') one.seqs.push(frame.seq);
    else if (frame.type === 'ack' || frame.type === 'error') this.#answered(one, frame);
  }

  #answered(one, frame) {
    const sentAt = this.#waiting.get(frame.id);
    if (sentAt === undefined) return;
    this.#waiting.delete(frame.id);
    if (frame.type === 'error') this.problems.push(`a bystander was refused: ${frame.code}`);
    else {
      one.acked.push(frame.seq);
      this.#times.push(performance.now() - sentAt);
    }
  }

  start() {
    this.#talking = Promise.all(this.#all.map((one, at) => this.#talk(one, at / RATE / this.#all.length)));
  }

  /** At its times, whatever became of the message before: a slow server must not make its own measure kinder. */
  async #talk(one, offset) {
    const began = performance.now() + offset * 1_000;
    for (let n = 0; !this.#isOver; n++) {
      await sleep(began + (n * 1_000) / RATE - performance.now());
      if (this.#isOver || one.ws.readyState !== one.ws.OPEN) return;
      const id = unique();
      this.#waiting.set(id, performance.now());
      one.ws.send(JSON.stringify({ type: 'chat', room: one.room, id, content: 'how do you do' }));
    }
  }

  /** How long acks took since the last time this was asked, milliseconds. */
  takeTimes() {
    const times = this.#times.toSorted((a, b) => a - b);
    this.#times = [];
    const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? NaN;
    return { p50: at(0.5), p99: at(0.99), count: times.length };
  }

  /** Says no more, waits for what is under way, and looks whether anything is missing or out of order. */
  async leave() {
    this.#isOver = true;
    await this.#talking;
    const acked = (room) => this.#all.flatMap((one) => (one.room === room ? one.acked : []));
    const isDone = () =>
      this.#waiting.size === 0 && this.#all.every(({ room, seqs }) => seqs.length >= acked(room).length);
    for (let waited = 0; !isDone() && waited < PATIENCE_MS; waited += 20) await sleep(20);
    if (this.#waiting.size > 0) this.problems.push(`${this.#waiting.size} messages were never acked`);
    for (const { room, seqs } of this.#all) {
      if (seqs.some((seq, at) => at > 0 && seq !== seqs[at - 1] + 1))
        this.problems.push('messages are out of order');
      const missing = acked(room).filter((seq) => !seqs.includes(seq)).length;
      if (missing > 0) this.problems.push(`${missing} acked messages were not shown`);
    }
    for (const { ws } of this.#all) ws.close(1000);
  }
}
