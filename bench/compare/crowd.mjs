import { token } from '../token.mjs';
import { Connection } from './connection.mjs';

/** Handshakes under way at a time. */
const WIDE = 64;

/** Connections, each of a user of its own. The first fault of one is the crowd's. */
export class Crowd {
  #server;
  #all = [];
  #fail;
  /** Rejects at the first fault, never resolves. */
  fault = new Promise((_, reject) => (this.#fail = (why) => reject(new Error(why))));

  constructor(server) {
    this.#server = server;
    // Where nothing waits for it, the next wait finds it.
    this.fault.catch(() => {});
  }

  get size() {
    return this.#all.length;
  }

  fail(why) {
    this.#fail(why);
  }

  /** Brings so many more in. `roomOf` says where the n-th belongs, if anywhere; `heard` gets what the n-th hears then. */
  async grow(count, { roomOf, heard = () => {} } = {}) {
    let next = this.size;
    const end = next + count;
    const some = Array.from({ length: WIDE }, async () => {
      while (next < end) {
        const n = next++;
        this.#all[n] = await this.#enter(n, roomOf?.(n), heard);
      }
    });
    await Promise.race([Promise.all(some), this.fault]);
  }

  #enter(n, room, heard) {
    const { port, wire, secret } = this.#server;
    return Connection.open({
      port,
      wire,
      token: secret && token(`u${n}`, secret),
      steps: room === undefined ? wire.opens : [...wire.opens, wire.join(room)],
      heard: (text) => heard(n, text),
      ended: (why) => this.#fail(why),
    });
  }

  at(n) {
    return this.#all[n];
  }

  drop() {
    for (const connection of this.#all) connection?.drop();
  }
}
