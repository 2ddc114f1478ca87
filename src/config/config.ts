/** The engine's configuration: one frozen object, made only in this folder. Times are in milliseconds, sizes in bytes. */
export interface Config {
  readonly node: string;
  readonly host: string;
  readonly port: number;
  /** The port of the metrics, never the public port. Undefined when there is none. */
  readonly adminPort: number | undefined;
  /** Loopback by default, because every client that reaches the admin port may read everything. */
  readonly adminHost: string;
  /** The embedded database's folder, when `databaseUrl` is undefined. */
  readonly dataDir: string;
  readonly databaseUrl: string | undefined;
  readonly databasePooler: 'auto' | 'on' | 'off';
  /** Whether the node starts on a PostgreSQL whose `fsync` is off. A power cut may then destroy the database (DG1). */
  readonly databaseFsyncOff: 'refuse' | 'allow';
  /** Redis, by which the nodes of a cluster reach each other; undefined: this node is alone. */
  readonly redisUrl: string | undefined;
  /** With which nodes prove to each other that they are of the cluster (RC4). Required with `redisUrl`. */
  readonly clusterSecret: string | undefined;
  /** An `edge` takes sockets and no homes of channels (D11). */
  readonly role: 'node' | 'edge';
  /** All keys and channels in Redis begin with it. */
  readonly redisPrefix: string;
  /** Whether messages that other programs publish by Redis are taken in (RC1). */
  readonly redisIngress: boolean;
  /** Whether stored messages are published for other programs (RC2). */
  readonly redisEgress: boolean;
  /** How the channels of other programs begin; undefined: `room:lobby` as it is. */
  readonly redisChannelPrefix: string | undefined;
  /** Shared secret of HS256, HS384 and HS512 (JW1). Either this or `jwks` is set, or both. */
  readonly jwtSecret: string | undefined;
  /** URL or file of a JWKS, for RS, ES and EdDSA (JW1). */
  readonly jwks: string | undefined;
  /** The algorithms to accept; empty for all that secret and JWKS allow. */
  readonly jwtAlgorithms: readonly string[];
  /** Whether `?token=` counts (HS2). */
  readonly tokenInUrl: boolean;
  readonly jwtIssuer: string | undefined;
  readonly jwtAudience: string | undefined;
  /** How far in the future `exp` may be (JW2). */
  readonly tokenTtlMaxMs: number;
  /** Origins that may connect (LM4); empty: all. */
  readonly allowedOrigins: readonly string[];
  /** Proxies, as addresses and networks, whose `X-Forwarded-For` the server trusts (LM3). */
  readonly trustedProxies: readonly string[];
  /** Messages of a user per minute (LM2); 0: no limit, as for all limits below. */
  readonly messagesPerMinute: number;
  /** Signals of a connection per second (LM2). */
  readonly signalsPerSecond: number;
  /** All other requests of a connection per minute (LM2). */
  readonly requestsPerMinute: number;
  /**
   * Requests per minute over a limit that the client knows of. Beyond this the server closes the connection with 4504
   * (LM2).
   */
  readonly rateAbusePerMinute: number;
  /** Pings and pongs of a connection per second, ten times as many at once (LM11). */
  readonly controlFramesPerSecond: number;
  /** Fragments of one message (LM11). */
  readonly fragmentsPerMessage: number;
  /** How long a message may take to be complete (LM11). */
  readonly messageMs: number;
  /** Bytes from a connection per second, four times as many at once (LM11). */
  readonly inboundBytesPerSecond: number;
  readonly readBytesPerSecond: number;
  /** New connections per second from one address (LM3). */
  readonly connectionsPerSecond: number;
  /** Connections of one user (LM6). */
  readonly connectionsPerUser: number;
  /** Connections of this node. It refuses more as `overloaded`. */
  readonly connectionsMax: number;
  /** Messages that may wait for one actor (LM8). */
  readonly mailboxMessages: number;
  readonly retention: Retention;
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  /** How long a user without a connection still counts as present (LC3). */
  readonly graceMs: number;
  /** Whether a room that was never created is public and empty (FR7). */
  readonly roomsAutoCreate: boolean;
  /** The users who may create rooms (RQ8). */
  readonly roomsCreate: 'users' | 'admins' | 'off';
  readonly roomIdleMs: number;
  /** Bytes of one frame from a client (LM1). */
  readonly frameBytes: number;
  /** Rooms that a connection may have joined at once (LM5); 0: no limit. */
  readonly roomsPerConnection: number;
  /** Rooms that a user may create per hour (LM13); 0: no limit. */
  readonly roomsPerHour: number;
  /** Members that a user may add with one `create` (LM13); 0: as many as fit a frame. */
  readonly membersPerCreate: number;
  /** A connection with more unsent bytes is slow (LM7); 0: no limit. */
  readonly outboundBytes: number;
  /** How long a slow client may read nothing (LM7). */
  readonly stallMs: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

/** How long the store keeps messages, in milliseconds, by kind of channel (LM10); 0: for ever. */
export interface Retention {
  readonly broadcast: number;
  readonly user: number;
  readonly room: number;
}
