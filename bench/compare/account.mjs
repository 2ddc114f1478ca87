/**
 * What was sent, and what of it came. Messages are numbered through; message n goes to room n modulo the number of rooms, so
 * each member of a room has to see room, room + rooms, room + 2 rooms… The first that is wrong is a fault, and there is
 * no figure of a run that has one.
 */
export class Account {
  #rooms;
  #members;
  /** The next message that each member has to see. */
  #next;
  #waiting = new Map();
  #sent = 0;
  done = 0;

  constructor({ rooms, members }) {
    this.#rooms = rooms;
    this.#members = members;
    this.#next = Float64Array.from({ length: rooms * members }, (_, at) => Math.floor(at / members));
  }

  /** Takes the next number. `due` is when it was to be sent. */
  send(due) {
    const n = this.#sent++;
    this.#waiting.set(n, { due, left: this.#members, isAcked: false });
    return { n, room: n % this.#rooms };
  }

  /** A member was shown a message. Answers when it was due if with this all have it, and its ack. */
  shown(room, member, n) {
    if (n % this.#rooms !== room) throw new Error(`message ${n} was shown in room ${room}`);
    const at = room * this.#members + member;
    const next = this.#next[at];
    if (n < next) throw new Error(`message ${n} came twice to a member of room ${room}`);
    if (n > next) throw new Error(`message ${n} came to a member of room ${room} before message ${next}`);
    const message = this.#waiting.get(n);
    if (!message) throw new Error(`message ${n} came before it was sent`);
    this.#next[at] = next + this.#rooms;
    message.left--;
    return this.#complete(n, message);
  }

  acked(n) {
    const message = this.#waiting.get(n);
    if (!message || message.isAcked) throw new Error(`message ${n} was acked twice, or never sent`);
    message.isAcked = true;
    return this.#complete(n, message);
  }

  #complete(n, message) {
    if (message.left > 0 || !message.isAcked) return undefined;
    this.#waiting.delete(n);
    this.done++;
    return message.due;
  }

  /** How many have not come yet, to all or with their ack. */
  get missing() {
    return this.#waiting.size;
  }
}
