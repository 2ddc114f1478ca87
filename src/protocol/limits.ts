/**
 * The wire's fixed bounds. Clients are written against them, so they are not configurable. `src/config` has those that
 * an operator may change.
 */
export const WIRE_LIMITS = {
  /** UTF-8 bytes of one frame from a client (FR1, LM1). */
  frameBytesMax: 65_536,
  /** UTF-8 bytes of one frame to a client (FR1). */
  serverFrameBytesMax: 1_048_576,
  /** Levels of objects and arrays in one frame (FR3). Deeper nesting is an attack, not data. */
  nestingMax: 32,
  /** Frames that break the protocol, per connection and minute; one more closes the connection with 4503 (FR2). */
  badFramesPerMinuteMax: 20,
  /** UTF-8 bytes of a `signal`'s data (RQ5). */
  signalBytesMax: 4_096,
  /** UTF-8 bytes of a room's metadata (RQ8). */
  metadataBytesMax: 8_192,
  /** Members named in one `create` (RQ8); 1,000 ids of 64 bytes just fit a frame. */
  membersMax: 1_000,
  /** Messages of a `history` page: the default and the maximum (RQ6). */
  historyLimitDefault: 50,
  historyLimitMax: 200,
  /** Bytes of stored text after which a `history` page ends early (RQ6). */
  historyBytesMax: 262_144,
  /** Members of a `presence` page (RQ7). */
  presencePageMax: 200,
  /** Users in a room whose presence is announced by name; beyond that only their number is announced (LM9). */
  namedPresentMax: 200,
  /** Rooms of a `rooms` page: the default and the maximum (RQ11). */
  roomsPageDefault: 50,
  roomsPageMax: 200,
  /** Messages replayed by one `join` or for one channel of a `resume` (RQ1, RQ2). */
  replayPerChannelMax: 1_000,
  /** Messages replayed by one `resume` over all its channels (RQ2). */
  replayPerRequestMax: 10_000,
  /**
   * Channels in one `resume`: 100 rooms (LM5), `user`, `broadcast` and spare ones. The reply names those beyond a client's
   * limit.
   */
  resumeChannelsMax: 256,
} as const;
