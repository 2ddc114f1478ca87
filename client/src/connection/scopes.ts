import type { ClientError, Result } from '../errors.ts';
import type { Emitter } from '../events.ts';
import type { ClientSocket, BasePorts } from '../ports.ts';
import type { ForwardedFrame } from '../wire/decode-frame.ts';
import type { Welcome } from '../wire/frames.ts';
import type { Tokens } from './tokens.ts';

/** A request as the text of its frame, or why it is not sent. */
export type Encode = (frame: Readonly<Record<string, unknown>>) => Result<string>;

/** What the parts of one client share, from its first connection to its end. */
export interface ClientScope {
  readonly ports: BasePorts;
  readonly emitter: Emitter;
  readonly tokens: Tokens;
  readonly encode: Encode;
  /** What is composed with the base of a client. */
  readonly parts: ClientPart[];
  /** Why there is no connection; undefined while there is one, or nothing is known. */
  readonly trouble: ClientError | undefined;
}

/** What lives with a client's connections, beside what every client has. */
export interface ClientPart {
  connected(connection: ConnectionScope): void;
  lost(): void;
  end(error: ClientError): void;
  /** The client is in a room, on this connection. */
  entered?(room: string): void;
  /** The client is off a room, or not let in. */
  dropped?(room: string): void;
  /** A notification; true when this part tells the application of it. */
  take?(frame: ForwardedFrame): boolean;
}

/** Something that lasts for a time: what is begun in it and comes later is not heard. */
export class Scope {
  isOver = false;
  readonly #ports: BasePorts;
  readonly #timers = new Set<() => void>();

  constructor(ports: BasePorts) {
    this.#ports = ports;
  }

  /** The same function, which does nothing once the scope is over. */
  within<Args extends readonly unknown[]>(run: (...args: Args) => void): (...args: Args) => void {
    return (...args) => {
      if (!this.isOver) run(...args);
    };
  }

  /** Runs something after a time, unless the scope is over by then. */
  after(ms: number, run: () => void): void {
    const cancel = this.#ports.after(ms, () => {
      this.#timers.delete(cancel);
      run();
    });
    this.#timers.add(cancel);
  }

  end(): void {
    this.isOver = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }
}

/** One connection, from the attempt to have it until it is lost. */
export class ConnectionScope extends Scope {
  isWelcomed = false;
  socket: ClientSocket | undefined;
  /** What the server has let the client in with: no part hears of a connection before. */
  declare welcome: Welcome;
  /** The largest frame that the server takes. */
  frameBytes = Infinity;

  /** What is sent when the connection is over, or about to be, is lost. */
  send(text: string): void {
    try {
      if (!this.isOver) this.socket?.send(text);
    } catch {
      // It is closing: that is told by itself.
    }
  }
}
