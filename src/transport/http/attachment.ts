import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { WS_PATH } from '../ws/handshake.ts';
import type { AnyServer } from './ignored-upgrade.ts';
import { ListenError } from './listen.ts';

export interface AttachmentOptions {
  readonly request: RequestListener;
  /** Takes an upgrade, or answers why not; 404 when the path is not ours. What is not to WebSocket is a plain request. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

type Emit = (event: string | symbol, ...args: unknown[]) => boolean;

/** How often it is looked whether everything is over. */
const LOOK_EVERY_MS = 10;

/** Each path has one who answers it: two engines on one server would both. */
const taken = new WeakSet<AnyServer>();

/**
 * An engine on a server of the application's own.
 *
 * - What is for our paths never reaches the application's listeners, whether they were there before us or come later:
 *   it is taken where the server emits it. A listener beside theirs would answer what they have answered.
 * - Everything else is theirs. Only an upgrade that nobody but us listens for is answered by us: with 404, or as the
 *   request it also is, where Node.js would have seen no upgrade without us.
 */
export class Attachment {
  readonly #server: AnyServer;
  readonly #options: AttachmentOptions;
  readonly #underWay = new Set<ServerResponse>();
  readonly #emitBefore: Emit;
  #isAttached = true;

  /** Throws a {@link ListenError} when the server has an engine already. */
  constructor(server: AnyServer, options: AttachmentOptions) {
    if (taken.has(server))
      throw new ListenError('server_taken', 'the server has an engine already; give each engine its own');
    taken.add(server);
    this.#server = server;
    this.#options = options;
    this.#emitBefore = server.emit as Emit;
    (server as { emit: Emit }).emit = this.#emit;
    // Node.js emits upgrades only where somebody listens for them.
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

  /** Leaves the server to the application once what is being answered, and what else is waited for, is over; or cuts it. */
  async close(withinMs: number, isOver: () => boolean): Promise<void> {
    const end = performance.now() + withinMs;
    while (!(this.#underWay.size === 0 && isOver()) && performance.now() < end)
      await sleep(LOOK_EVERY_MS, undefined, { ref: false });
    for (const response of this.#underWay) response.destroy();
    this.#isAttached = false;
    this.#server.off('upgrade', this.#onUpgrade);
    // Somebody may have put himself before us since; then we only pass on.
    const server = this.#server as { emit: Emit };
    if (server.emit === this.#emit) server.emit = this.#emitBefore;
    taken.delete(this.#server);
  }
}

/** `/ws`, `/v1/…` and health: the paths of the public port. */
function isOurs({ url = '' }: IncomingMessage): boolean {
  const [path = ''] = url.split('?', 1);
  return path === WS_PATH || path === '/healthz' || path === '/readyz' || path.startsWith('/v1/');
}
