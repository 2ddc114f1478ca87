/** Frames that go to many sockets as the same bytes. The first socket to write them encodes them (D9). */
export interface FrameBatch {
  readonly frames: readonly string[];
  /** First and last seq inside; 0 for frames outside the log, which may be lost. */
  readonly first: number;
  readonly last: number;
  /** UTF-16 length of all frames: an estimate of their size that costs nothing. */
  readonly size: number;
}

/** The state of a connection as its socket knows it. */
export interface Measured {
  /** Bytes that the operating system has accepted since the connection began. It grows as the client reads. */
  readonly readBytes: number;
  /** Bytes that the operating system has not accepted yet. */
  readonly heldBytes: number;
  /** When the client's machine last sent a ping or pong, on the monotonic clock; −Infinity for never. */
  readonly heardAt: number;
}

/** The sockets of this node, by connection number. */
export interface Sockets {
  write(connection: number, frames: readonly string[]): void;
  /** Returns the connections that refused the batch because they are over their outbound limit (LM7). */
  fanout(batch: FrameBatch, connections: readonly number[], start: number, end: number): readonly number[];
  ping(connection: number): void;
  close(connection: number, code: number, reason: string): void;
  /** The socket accepts batches again. */
  reopen(connection: number): void;
  measure(connection: number): Measured;
  /** Reports the next sign of life after `since` to the inbox, once. If there was one already, it reports at once. */
  listen(connection: number, since: number): void;
  /** How many sockets wait for the next flush. */
  readonly dirty: number;
  /** Hands everything written since the last flush to the operating system, with one write per socket. */
  flush(): void;
}
