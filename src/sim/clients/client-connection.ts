import { Link, type Chunk } from '../ports/link.ts';
import type { Random } from '../kit/random.ts';
import type { Trace } from '../kit/trace.ts';
import { WireChecker } from '../checkers/wire-checker.ts';
import type { Frame, WireOwner, WireWorld } from '../checkers/wire-owner.ts';

/** What a connection needs of the world. */
export interface ConnectionWorld extends WireWorld {
  readonly trace: Trace;
}

/** The client behind a connection, with the events that it gets. */
export interface ConnectionOwner extends WireOwner {
  /** The server has accepted the client. */
  welcomed(): void;
  /** The server refused a request, which may be retried after a while. */
  refused(connection: ClientConnection, request: Frame, retryAfterMs: number): void;
  closed(connection: ClientConnection, code: number): void;
}

/** One connection of a client that speaks in frames. */
export class ClientConnection {
  readonly link: Link;
  readonly wire: WireChecker;
  readonly #owner: ConnectionOwner;
  readonly #world: ConnectionWorld;
  #isOver = false;
  heardAt: number;

  constructor(number: number, owner: ConnectionOwner, world: ConnectionWorld, random: Random) {
    this.#owner = owner;
    this.#world = world;
    this.heardAt = world.timeline.now;
    this.link = new Link(world.timeline, random, {
      received: (chunk) => this.#received(chunk),
      closed: (code) => this.end(code),
    });
    this.wire = new WireChecker(number, owner, world, {
      welcomed: () => owner.welcomed(),
      refused: (request, retryAfterMs) => owner.refused(this, request, retryAfterMs),
    });
  }

  end(code: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.wire.ended();
    this.#owner.closed(this, code);
  }

  request(frame: Frame, id: string): void {
    if (!this.wire.isWelcomed) return;
    const sent = { ...frame, id };
    this.wire.sent(sent);
    this.send(JSON.stringify(sent));
  }

  send(text: string): void {
    this.#world.trace.say(this.#owner.name, () => `> ${text.slice(0, 160)}`);
    this.link.sendText(text);
  }

  #received(chunk: Chunk): void {
    if (this.#isOver) return;
    this.heardAt = this.#world.timeline.now;
    if (chunk.type === 'ping') return this.link.send(chunk);
    if (chunk.type !== 'frames') return;
    for (const text of chunk.frames) {
      if (this.#isOver) return;
      const frame = JSON.parse(text) as Frame;
      this.wire.received(frame, chunk.sentAt);
      if (frame['type'] === 'heartbeat' && frame['status'] === 'ping')
        this.send('{"type":"heartbeat","status":"pong"}');
    }
  }
}
