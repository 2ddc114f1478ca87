import { socketAddress } from './addresses.ts';
import type { Cell } from './cell.ts';
import { Paced } from './paced.ts';
import type { Address } from './ports/actor.ts';
import type { Clock } from './ports/clock.ts';
import type { Inbox } from './ports/inbox.ts';
import type { Incarnation } from './ports/placement.ts';
import type { Claims } from './ports/tokens.ts';
import type { ActorSystem } from './system.ts';

/** Frames of one connection that may wait before the inbox stops reading its socket. */
const CROWDED = 64;

/** Turns sockets into connections, and their events into messages. It holds each cell, so that frames need no look-up. */
export class ConnectionInbox implements Inbox {
  readonly #system: ActorSystem;
  readonly #incarnation: Incarnation;
  readonly #cells = new Map<number, Cell>();
  readonly #closed: Paced<readonly [Cell, number]>;
  #last = 0;

  constructor(system: ActorSystem, incarnation: Incarnation, clock: Clock) {
    this.#system = system;
    // A network failure can end thousands of connections at once.
    this.#closed = new Paced(clock, ([cell, code]) => system.overtake(cell, { type: 'socketClosed', code }));
    this.#incarnation = incarnation;
  }

  get size(): number {
    return this.#cells.size;
  }

  opened(claims: Claims): number {
    const number = ++this.#last;
    const address = socketAddress('conn', this.#incarnation, number) as Address;
    this.#cells.set(number, this.#system.spawn(address, { number, ...claims }));
    return number;
  }

  frame(connection: number, text: string): 'taken' | 'crowded' | 'full' {
    const cell = this.#cells.get(connection);
    if (!cell) return 'taken';
    if (!this.#system.offer(cell, { type: 'frame', text }, 'user')) return 'full';
    return cell.mailbox.userSize >= CROWDED ? 'crowded' : 'taken';
  }

  whenDrained(connection: number, goOn: () => void): void {
    const cell = this.#cells.get(connection);
    if (cell && cell.status !== 'stopped') cell.whenDrained = goOn;
  }

  heard(connection: number): void {
    this.#tell(connection, { type: 'heard' });
  }

  abused(connection: number): void {
    this.#tell(connection, { type: 'abused' });
  }

  closed(connection: number, code: number): void {
    const cell = this.#cells.get(connection);
    if (cell) this.#closed.add([cell, code]);
    this.#cells.delete(connection);
  }

  congested(connection: number): void {
    this.#tell(connection, { type: 'congested' });
  }

  drained(connection: number): void {
    this.#tell(connection, { type: 'drained' });
  }

  #tell(connection: number, message: unknown): void {
    const cell = this.#cells.get(connection);
    if (cell) this.#system.offer(cell, message, 'system');
  }
}
