import type { ClientScope, ConnectionScope } from './scopes.ts';
import {
  badServerFrame,
  failed,
  failure,
  late,
  queueFull,
  tooLarge,
  type ClientError,
  type Done,
} from '../errors.ts';
import type { Fields } from '../wire/frame-schemas.ts';
import { utf8Bytes } from '../wire/text.ts';

const DEADLINE_MS = 10_000;

/** Requests that may wait for an answer or a connection. */
const OPEN_MAX = 1_000;

interface Open {
  readonly text: string;
  readonly read: (fields: Fields) => unknown;
  readonly done: Done<never>;
  readonly cancel: () => void;
  isSent: boolean;
}

export interface Question<Value> {
  readonly frame: object;
  /** Reads the reply; undefined when it is invalid. */
  readonly read: (fields: Fields) => Value | undefined;
}

/** The application's requests. They wait at most 10 s in all, also for a connection, and each is answered exactly once. */
export class Requests {
  readonly #client: ClientScope;
  readonly #open = new Map<string, Open>();
  #connection: ConnectionScope | undefined;
  #frameBytes = Infinity;
  #count = 0;
  /** Why no more requests are possible. */
  #ended: ClientError | undefined;

  constructor(client: ClientScope) {
    this.#client = client;
  }

  ask<Value>({ frame, read }: Question<Value>, done: Done<Value>): void {
    if (this.#ended) return fail(done, this.#ended);
    const { ports, encode } = this.#client;
    // No other id begins like this.
    const id = `:${++this.#count}`;
    const encoded = encode({ ...frame, id });
    if (!encoded.ok) return done(encoded);
    const text = encoded.value;
    if (utf8Bytes(text) > this.#frameBytes) return fail(done, tooLarge(this.#frameBytes));
    if (this.#open.size >= OPEN_MAX) return fail(done, queueFull(OPEN_MAX));
    const cancel = ports.after(DEADLINE_MS, () =>
      this.refused(id, late('no answer came in time', this.#client.trouble)),
    );
    const open: Open = { text, read, done, cancel, isSent: false };
    this.#open.set(id, open);
    this.#write(open);
  }

  /** Sends requests on this connection from now on. `flush` sends those that wait. */
  connected(connection: ConnectionScope): void {
    this.#connection = connection;
    this.#frameBytes = connection.frameBytes;
  }

  flush(): void {
    for (const open of [...this.#open.values()]) this.#write(open);
  }

  #write(open: Open): void {
    if (!this.#connection || open.isSent) return;
    open.isSent = true;
    this.#connection.send(open.text);
  }

  /** Requests sent on the lost connection get no answer. */
  lost(): void {
    this.#connection = undefined;
    const sent = [...this.#open].filter(([, { isSent }]) => isSent);
    for (const [id] of sent) this.refused(id, failure('unavailable', 'the connection was lost'));
  }

  end(error: ClientError): void {
    this.#connection = undefined;
    this.#ended = error;
    for (const id of [...this.#open.keys()]) this.refused(id, error);
  }

  /** Undefined when no request here has this id. False when the reply is invalid. */
  replied(id: string, fields: Fields): boolean | undefined {
    const open = this.#take(id);
    if (!open) return undefined;
    const value = open.read(fields);
    if (value === undefined) {
      fail(open.done, badServerFrame());
      return false;
    }
    (open.done as Done<unknown>)({ ok: true, value });
    return true;
  }

  refused(id: string, error: ClientError): boolean {
    const open = this.#take(id);
    if (open) fail(open.done, error);
    return open !== undefined;
  }

  #take(id: string): Open | undefined {
    const open = this.#open.get(id);
    if (!open) return undefined;
    this.#open.delete(id);
    open.cancel();
    return open;
  }
}

function fail(done: Done<never>, error: ClientError): void {
  done(failed(error));
}
