import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { WS_PATH } from '../ws/handshake.ts';
import type { AnyServer } from './ignored-upgrade.ts';
import { ListenError } from './listen.ts';

export interface AttachmentOptions {
  readonly request: RequestListener;
  /**
   * Accepts an upgrade or answers with a refusal, 404 for a foreign path. An upgrade to another protocol is a plain
   * request.
   */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

type Emit = (event: string | symbol, ...args: unknown[]) => boolean;

/** How often `close` checks whether everything has ended. */
const LOOK_EVERY_MS = 10;

/** Servers with an engine. Two engines on one server would both answer each request. */
const taken = new WeakSet<AnyServer>();

/**
 * An engine on a server of the application.
 *
 * - Requests for the engine's paths never reach the application's listeners, whether these are older or newer. The engine
 *   intercepts `emit` for that: a second listener would answer requests that the application has answered.
 * - Every other request belongs to the application. The engine answers an upgrade only if the application has no listener
 *   for upgrades: with 404, or as a plain request where Node.js alone would have seen no upgrade.
 */
export class Attachment {
  readonly #server: AnyServer;
  readonly #options: AttachmentOptions;
  readonly #underWay = new Set<ServerResponse>();
  readonly #emitBefore: Emit;
  #isAttached = true;

  /** Throws a {@link ListenError} when the server already has an engine. */
  constructor(server: AnyServer, options: AttachmentOptions) {
    if (taken.has(server))
      throw new ListenError('server_taken', 'the server has an engine already; give each engine its own');
    taken.add(server);
    this.#server = server;
    this.#options = options;
    this.#emitBefore = server.emit as Emit;
    (server as { emit: Emit }).emit = this.#emit;
    // Node.js emits upgrades only when there is a listener.
    server.on('upgrade', this.#onUpgrade);
  }

  readonly #emit: Emit = (event, ...args) =>
    (this.#isAttached && this.#take(event, args)) || this.#emitBefore.call(this.#server, event, ...args);

  #take(event: string | symbol, args: readonly unknown[]): boolean {
    if (event !== 'request' && event !== 'checkContinue' && event !== 'upgrade') return false;
    const request = args[0] as IncomingMessage;
    if (!isOurs(request)) return false;
    if (event === 'upgrade') {
      this.#options.upgrade(request, args[1] as Duplex, args[2] as Buffer);
      return true;
    }
    const response = args[1] as ServerResponse & { req: IncomingMessage };
    if (event === 'checkContinue') response.writeContinue();
    this.#underWay.add(response);
    response.once('close', () => this.#underWay.delete(response));
    this.#options.request(request, response);
    return true;
  }

  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (this.#server.listenerCount('upgrade') === 1) this.#options.upgrade(request, socket, head);
  };

  /**
   * Returns the server to the application once the current answers and `isOver` are done, or cuts them off after
   * `withinMs`.
   */
  async close(withinMs: number, isOver: () => boolean): Promise<void> {
    const end = performance.now() + withinMs;
    while (!(this.#underWay.size === 0 && isOver()) && performance.now() < end)
      await sleep(LOOK_EVERY_MS, undefined, { ref: false });
    for (const response of this.#underWay) response.destroy();
    this.#isAttached = false;
    this.#server.off('upgrade', this.#onUpgrade);
    // If another wrapper has replaced `emit` since, this one stays below it and only passes events on.
    const server = this.#server as { emit: Emit };
    if (server.emit === this.#emit) server.emit = this.#emitBefore;
    taken.delete(this.#server);
  }
}

/** The paths of the public port: `/ws`, `/v1/…` and health. */
function isOurs({ url = '' }: IncomingMessage): boolean {
  const [path = ''] = url.split('?', 1);
  return path === WS_PATH || path === '/healthz' || path === '/readyz' || path.startsWith('/v1/');
}
