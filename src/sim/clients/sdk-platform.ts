import type {
  ClientSocket,
  PostAnswer,
  PostRequest,
  Ports,
  Refusal,
  SocketHandlers,
} from 'vagus-client/core';
import { TOKEN_SUBPROTOCOL_PREFIX } from '../../protocol/version.ts';
import type { ClientWorld } from './client-driver.ts';
import { SentMessages } from '../checkers/sent-messages.ts';
import type { Seen } from '../checkers/expectations.ts';
import { ABNORMAL, Link, NORMAL, type Chunk } from '../ports/link.ts';
import type { Random } from '../kit/random.ts';
import { WireChecker } from '../checkers/wire-checker.ts';
import type { Frame, WireOwner } from '../checkers/wire-owner.ts';

/** A delay for work without a link. A platform's clock fires late, never early. */
const TICK_MS = 0.01;

/** The SDK's platform, on virtual time and the simulated network. It checks every frame. */
export class SdkPlatform implements WireOwner {
  readonly name: string;
  readonly user: string;
  readonly messages: SentMessages;
  readonly positions = new Map<string, Seen>();
  readonly #world: ClientWorld;
  readonly #random: Random;
  #link: Link | undefined;
  #wire: WireChecker | undefined;
  #page: { readonly hidden: () => void; readonly shown: () => void } | undefined;
  /** The devices' clocks are wrong by this much. */
  readonly #wallOffMs: number;
  #sockets = 0;
  #ids = 0;
  /** Why the last handshake was refused. */
  #refusal: Refusal | undefined;

  constructor(name: string, user: string, world: ClientWorld, random: Random) {
    this.name = name;
    this.user = user;
    this.#world = world;
    this.#random = random;
    this.#wallOffMs = random.pick([0, 0, -3_600_000, 3_600_000]);
    this.messages = new SentMessages(name, user, world.log, world.violate);
  }

  /** The current link, or the last one. */
  get link(): Link | undefined {
    return this.#link;
  }

  get wire(): WireChecker | undefined {
    return this.#wire;
  }

  /** A new run of the application. On `broadcast` and `user` it begins where the server accepts it. */
  begin(): void {
    for (const name of ['broadcast', 'user']) this.positions.delete(name);
  }

  /** Runs soon, but not at once. */
  later(run: () => void): void {
    this.#world.timeline.after(TICK_MS, run);
  }

  /** The browser freezes the page, and resumes it later. */
  hideFor(ms: number): void {
    this.#page?.hidden();
    this.#world.timeline.after(ms, () => this.#page?.shown());
  }

  /** Sends a request that the SDK does not know. */
  ask(frame: Frame): void {
    this.#wire?.sent(frame);
    this.raw(JSON.stringify(frame));
  }

  /** Sends a text unchanged. */
  raw(text: string): void {
    this.#link?.sendText(text);
  }

  get ports(): Ports {
    const { timeline } = this.#world;
    return {
      open: (_, protocols, handlers) => this.#open(protocols, handlers),
      now: () => timeline.now,
      wall: () => this.#world.wall() + this.#wallOffMs,
      after: (ms, then) => {
        const scheduled = timeline.after(ms, then);
        return () => timeline.cancel(scheduled);
      },
      random: () => this.#random.delay(0, 1),
      newId: () => `${this.name}.${++this.#ids}`,
      page: (hidden, shown) => {
        this.#page = { hidden, shown };
        return () => void (this.#page = undefined);
      },
      probe: (_, done) => this.later(() => done(this.#refusal)),
      end: () => {},
      post: (request, done) => this.#post(request, done),
    };
  }

  #open(protocols: readonly string[], handlers: SocketHandlers): ClientSocket {
    const { timeline, trace } = this.#world;
    const wire = new WireChecker(++this.#sockets, this, this.#world);
    let isOver = false;
    const end = (): void => {
      isOver = true;
      wire.ended();
    };
    const closed = (code: number): void => {
      if (isOver) return;
      end();
      handlers.closed(code, '');
    };
    const received = (chunk: Chunk): void => {
      if (chunk.type === 'ping') return link.send(chunk);
      if (chunk.type !== 'frames') return;
      for (const text of chunk.frames) {
        if (isOver) return;
        wire.received(JSON.parse(text) as Frame, chunk.sentAt);
        handlers.message(text);
      }
    };
    const link = new Link(timeline, this.#random, { received, closed });
    this.#link = link;
    this.#wire = wire;
    const bearer = protocols.find((name) => name.startsWith(TOKEN_SUBPROTOCOL_PREFIX)) ?? '';
    this.#refusal = undefined;
    const token = bearer.slice(TOKEN_SUBPROTOCOL_PREFIX.length);
    wire.opened(token);
    this.#world.connect(link, token, (outcome) => {
      if (isOver) return;
      if (outcome === 'in') return handlers.opened();
      const time = Math.floor(this.#world.wall() / 1_000) * 1_000;
      if (outcome !== 'nobody') this.#refusal = { ...outcome, time };
      closed(ABNORMAL);
    });
    return {
      send: (text) => {
        trace.say(this.name, () => `> ${text.slice(0, 160)}`);
        wire.sent(JSON.parse(text) as Frame);
        link.sendText(text);
      },
      close: (code) => {
        if (code === NORMAL) link.closeByClient(NORMAL);
        else link.abandon();
        end();
      },
    };
  }

  #post(request: PostRequest, done: (answer: PostAnswer | undefined) => void): void {
    const { room, body } = request;
    const { id, content } = JSON.parse(body) as Frame;
    // Over HTTP each message is a connection of its own.
    const connection = -++this.#sockets;
    this.messages.sent({ room, id, content }, connection, this.#world.timeline.now);
    this.#world.post(request, (answer) => {
      const { seq, code } = (answer?.body ?? {}) as Frame;
      const answered = { id, connection, sentAt: this.#world.timeline.now };
      if (!answer) this.messages.connectionLost(connection);
      else if (code === undefined) this.messages.acked(answered, seq);
      else this.messages.failed(answered, code);
      done(answer);
    });
  }
}
