/** The events of a socket. The platform never calls these from within a call of the core. */
export interface SocketHandlers {
  opened(): void;
  /** One text message. A binary message arrives as an empty text. */
  message(text: string): void;
  /** The last event. 1006 means that the socket ended without a close, or never opened. */
  closed(code: number, reason: string): void;
}

export interface ClientSocket {
  send(text: string): void;
  /** Closes the socket. The core ignores it from here on, whether or not `closed` still comes. */
  close(code?: number): void;
}

/** Why a handshake was refused (HS3). */
export interface Refusal {
  readonly code: string;
  /** For a person to read. */
  readonly message?: string;
  readonly retryAfterMs?: number;
  /** The server's time in milliseconds since 1970, cut to the second (HTTP's `Date`). */
  readonly time?: number;
}

export interface PostRequest {
  readonly room: string;
  readonly token: string;
  /** JSON text. */
  readonly body: string;
}

export interface PostAnswer {
  readonly status: number;
  /** Parsed JSON; undefined when the answer had none. */
  readonly body: unknown;
  /** As in {@link Refusal}. */
  readonly time?: number;
}

/**
 * What the base of the core needs of the platform. It has no clock, no randomness and no timers of its own. The platform
 * calls each `done` at most once, and never before the call has returned.
 */
export interface BasePorts {
  /** Opens a WebSocket. It may throw, which counts as a failed handshake. */
  open(url: string, protocols: readonly string[], handlers: SocketHandlers): ClientSocket;
  /** Milliseconds that never decrease. */
  now(): number;
  /** Milliseconds since 1970 by the device. They continue during sleep, and a person may set them. */
  wall(): number;
  /** Calls back after this many milliseconds, at most a timer's maximum. Returns a function that cancels it. */
  after(ms: number, run: () => void): () => void;
  /** From 0 (inclusive) to 1 (exclusive). */
  random(): number;
  /** 1 to 64 of `A-Z a-z 0-9 _ . -`, unique for this user over all devices. */
  newId(): string;
}

/** Requests over HTTP. */
export interface HttpPorts {
  /** A plain `GET` of the socket's address (HS3), for the reason of a failed handshake; undefined without an answer. */
  probe(token: string, done: (refusal: Refusal | undefined) => void): void;
  /** Ends all requests. Open ones end within 2 s, whatever the server does. */
  end(): void;
  /** `POST /v1/rooms/{room}/messages` (RS1); undefined without an answer. */
  post(request: PostRequest, done: (answer: PostAnswer | undefined) => void): void;
}

/** Everything that the core needs of the platform. */
export interface Ports extends BasePorts, HttpPorts {
  /**
   * Reports when the browser freezes the page and when it resumes it. A platform without pages never does. Returns a
   * function that ends this.
   */
  page(hidden: () => void, shown: () => void): () => void;
}
