/** Frames that go to many sockets as one piece of bytes: encoded once, by the first who writes them (D9). */
export interface FrameBatch {
  readonly frames: readonly string[];
  /** First and last seq inside; 0 for frames outside the log, which may be lost. */
  readonly first: number;
  readonly last: number;
  /** UTF-16 length of the frames together: an estimate of their size that costs nothing. */
  readonly size: number;
}

/** How a connection does, as far as its socket knows. */
export interface Measured {
  /** Bytes that the operating system has taken since the connection began: it grows as the client reads. */
  readonly readBytes: number;
  /** Bytes that it has not taken yet. */
  readonly heldBytes: number;
  /** When the client's machine gave its last sign of life, a ping or a pong, on the monotonic clock; never: −Infinity. */
  readonly heardAt: number;
}

/** The sockets of this node, by connection number. */
export interface Sockets {
  write(connection: number, frames: readonly string[]): void;
  /** Returns the connections that refused the batch because they are over their outbound limit (LM7). */
  fanout(batch: FrameBatch, connections: readonly number[], start: number, end: number): readonly number[];
  ping(connection: number): void;
  close(connection: number, code: number, reason: string): void;
  /** Batches are taken again. */
  reopen(connection: number): void;
  measure(connection: number): Measured;
  /** The next sign of life after `since` is told to the inbox, once: at once when there was one already. */
  listen(connection: number, since: number): void;
  /** How many sockets the next flush is for. */
  readonly dirty: number;
  /** Hands to the operating system what was written since the last flush: one write a socket. */
  flush(): void;
}
