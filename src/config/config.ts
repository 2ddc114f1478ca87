/** What the engine is started with: one frozen object, made here and nowhere else. Times in milliseconds, sizes in bytes. */
export interface Config {
  readonly node: string;
  readonly host: string;
  readonly port: number;
  /** Where metrics are; never on the public port. Undefined: there is none. */
  readonly adminPort: number | undefined;
  /** Loopback unless told otherwise: whoever reaches it may read everything. */
  readonly adminHost: string;
  /** The embedded database's folder; used when `databaseUrl` is undefined. */
  readonly dataDir: string;
  readonly databaseUrl: string | undefined;
  readonly databasePooler: 'auto' | 'on' | 'off';
  /** Shared secret of HS256, HS384 and HS512 (JW1). Without it only `jwks` counts; one of the two is there. */
  readonly jwtSecret: string | undefined;
  /** URL or file of a JWKS, for RS, ES and EdDSA (JW1). */
  readonly jwks: string | undefined;
  /** Algorithms that are accepted, of those that secret and JWKS allow; empty: all of those. */
  readonly jwtAlgorithms: readonly string[];
  /** Whether `?token=` is looked at (HS2). */
  readonly tokenInUrl: boolean;
  readonly jwtIssuer: string | undefined;
  readonly jwtAudience: string | undefined;
  /** How far away `exp` may be (JW2). */
  readonly tokenTtlMaxMs: number;
  /** Origins that may connect (LM4); empty: all. */
  readonly allowedOrigins: readonly string[];
  /** Addresses and networks whose `X-Forwarded-For` is believed (LM3). */
  readonly trustedProxies: readonly string[];
  /** Messages a user may send in a minute (LM2); 0: no limit, as for all limits below. */
  readonly messagesPerMinute: number;
  /** Signals a connection may send in a second (LM2). */
  readonly signalsPerSecond: number;
  /** All other requests of a connection in a minute (LM2). */
  readonly requestsPerMinute: number;
  /** Requests against a limit that was just told, in a minute, after which the connection is closed with 4504 (LM2). */
  readonly rateAbusePerMinute: number;
  /** Pings and pongs of a connection a second, ten times as many at once (LM11). */
  readonly controlFramesPerSecond: number;
  /** Fragments of one message (LM11). */
  readonly fragmentsPerMessage: number;
  /** How long a message may take to be whole (LM11). */
  readonly messageMs: number;
  /** Bytes of a connection a second, four times as many at once (LM11). */
  readonly inboundBytesPerSecond: number;
  readonly readBytesPerSecond: number;
  /** New connections a second from one address (LM3). */
  readonly connectionsPerSecond: number;
  /** Connections of one user (LM6). */
  readonly connectionsPerUser: number;
  /** Connections of this node; more are refused as `overloaded`. */
  readonly connectionsMax: number;
  /** Messages that may wait for one actor (LM8). */
  readonly mailboxMessages: number;
  readonly retention: Retention;
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  /** How long a user may be gone without having left (LC3). */
  readonly graceMs: number;
  /** A room that was never created is public and empty (FR7). */
  readonly roomsAutoCreate: boolean;
  /** Who may make rooms by `create` (RQ8). */
  readonly roomsCreate: 'users' | 'admins' | 'off';
  readonly roomIdleMs: number;
  /** Bytes of one frame from a client (LM1). */
  readonly frameBytes: number;
  /** Rooms joined at once (LM5); 0: no limit. */
  readonly roomsPerConnection: number;
  /** Rooms a user may make in an hour (LM13); 0: no limit. */
  readonly roomsPerHour: number;
  /** Members a user may put into a room with one `create` (LM13); 0: as many as a frame may name. */
  readonly membersPerCreate: number;
  /** Past it a connection is slow (LM7); 0: no limit. */
  readonly outboundBytes: number;
  /** How long a slow client may make no progress (LM7). */
  readonly stallMs: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

/** How long messages are kept, in milliseconds, by kind of channel (LM10); 0: for ever. */
export interface Retention {
  readonly broadcast: number;
  readonly user: number;
  readonly room: number;
}
