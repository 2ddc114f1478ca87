/** What a socket tells. None of these is called from within a call of the core's own. */
export interface SocketHandlers {
  opened(): void;
  /** One text message. What is no text is passed on as an empty one. */
  message(text: string): void;
  /** The last that is heard. 1006: it ended without a close, or was never open. */
  closed(code: number, reason: string): void;
}

export interface ClientSocket {
  send(text: string): void;
  /** Nothing is heard of it any more, whether or not `closed` is still called. */
  close(code?: number): void;
}

/** Why a handshake was refused (HS3). */
export interface Refusal {
  readonly code: string;
  /** For a person. */
  readonly message?: string;
  readonly retryAfterMs?: number;
  /** The server's time when it said so, in milliseconds since 1970, cut to the second (HTTP's `Date`). */
  readonly time?: number;
}

export interface PostRequest {
  readonly room: string;
  readonly token: string;
  /** JSON. */
  readonly body: string;
}

export interface PostAnswer {
  readonly status: number;
  /** Parsed JSON; undefined when it was none. */
  readonly body: unknown;
  /** As in {@link Refusal}. */
  readonly time?: number;
}

/**
 * What the base of the core needs of the world. It reads no clock, rolls no dice and waits for nothing by itself; each
 * `done` is called at most once, and never before the call that it belongs to has returned.
 */
export interface BasePorts {
  /** Opens a WebSocket. It may throw: that counts as a handshake that failed. */
  open(url: string, protocols: readonly string[], handlers: SocketHandlers): ClientSocket;
  /** Milliseconds; it never falls. */
  now(): number;
  /** Milliseconds since 1970 as the device has them: it goes on while the device sleeps, and may be set. */
  wall(): number;
  /** Calls back after so many milliseconds, or as many as it can count, unless what it returns is called before. */
  after(ms: number, run: () => void): () => void;
  /** From 0 (inclusive) to 1 (exclusive). */
  random(): number;
  /** 1 to 64 of `A-Z a-z 0-9 _ . -`, another one each time, for this user over all devices. */
  newId(): string;
}

/** What goes by HTTP. */
export interface HttpPorts {
  /** A plain `GET` of the socket's address (HS3): why the handshake failed; undefined when nobody answers. */
  probe(token: string, done: (refusal: Refusal | undefined) => void): void;
  /** Nothing is asked any more: what is under way is over within 2 s, whatever the other side does. */
  end(): void;
  /** `POST /v1/rooms/{room}/messages` (RS1); undefined when nobody answers. */
  post(request: PostRequest, done: (answer: PostAnswer | undefined) => void): void;
}

/** All that the core needs of the world. */
export interface Ports extends BasePorts, HttpPorts {
  /**
   * Tells when the page is put away whole, to be shown again perhaps, and when it is; a platform without pages never does.
   * What it returns ends that.
   */
  page(hidden: () => void, shown: () => void): () => void;
}
