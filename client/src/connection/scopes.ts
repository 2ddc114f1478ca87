import type { ClientError, Result } from '../errors.ts';
import type { Emitter } from '../events.ts';
import type { ClientSocket, BasePorts } from '../ports.ts';
import type { ForwardedFrame } from '../wire/decode-frame.ts';
import type { Welcome } from '../wire/frames.ts';
import type { Tokens } from './tokens.ts';

/** A request as the text of its frame, or why it cannot be sent. */
export type Encode = (frame: Readonly<Record<string, unknown>>) => Result<string>;

/** What the parts of one client share, from its first connection to its end. */
export interface ClientScope {
  readonly ports: BasePorts;
  readonly emitter: Emitter;
  readonly tokens: Tokens;
  readonly encode: Encode;
  /** The optional parts of a client. */
  readonly parts: ClientPart[];
  /** Why there is no connection; undefined while there is one, or before the first attempt. */
  readonly trouble: ClientError | undefined;
}

/** A part that follows a client's connections. */
export interface ClientPart {
  connected(connection: ConnectionScope): void;
  lost(): void;
  end(error: ClientError): void;
  /** The client has entered a room on this connection. */
  entered?(room: string): void;
  /** The client has left a room, or the server refused it. */
  dropped?(room: string): void;
  /** A notification. True when this part reports it to the application. */
  take?(frame: ForwardedFrame): boolean;
}

/** A span of time. Callbacks that start within it do nothing after its end. */
export class Scope {
  isOver = false;
  readonly #ports: BasePorts;
  readonly #timers = new Set<() => void>();

  constructor(ports: BasePorts) {
    this.#ports = ports;
  }

  /** The same function, which does nothing once the scope has ended. */
  within<Args extends readonly unknown[]>(run: (...args: Args) => void): (...args: Args) => void {
    return (...args) => {
      if (!this.isOver) run(...args);
    };
  }

  /** Runs a function after a time, unless the scope has ended by then. */
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

/** One connection, from the attempt to its loss. */
export class ConnectionScope extends Scope {
  isWelcomed = false;
  socket: ClientSocket | undefined;
  /** The server's welcome. No part learns of a connection before it arrives. */
  declare welcome: Welcome;
  /** The largest frame that the server accepts. */
  frameBytes = Infinity;

  /** Sends a text. The text is lost when the connection has ended or is about to. */
  send(text: string): void {
    try {
      if (!this.isOver) this.socket?.send(text);
    } catch {
      // The socket is closing and reports that itself.
    }
  }
}
