/** A message of a room (PU1). Times are ISO 8601, UTC. */
export interface ChatMessage {
  readonly room: string;
  readonly seq: number;
  readonly id: string;
  readonly from: string;
  readonly content: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly timestamp: string;
  /** The sender's own time. */
  readonly sentAt?: string;
}

/** What was published to one user, or to everyone. */
export interface Published {
  readonly seq: number;
  readonly id: string;
  readonly data: unknown;
}

/** An entry of a page: `channel` says of which log. */
export type Entry =
  | ({ readonly type: 'chat' } & ChatMessage)
  | ({ readonly type: 'user_event' } & Published)
  | ({ readonly type: 'broadcast' } & Published);

export interface JoinedRoom {
  readonly room: string;
  readonly access: 'public' | 'private';
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The newest message's number; 0 when there is none. */
  readonly seq: number;
}

export interface SentMessage {
  readonly id: string;
  readonly room: string;
  readonly seq: number;
  /** When it was stored. */
  readonly timestamp: string;
  /** It was stored before, by an earlier try: `seq` and `timestamp` are the first one's. */
  readonly duplicate?: true;
}

export interface HistoryPage {
  readonly channel: string;
  /** Ascending. */
  readonly messages: readonly Entry[];
  /** There are more in the direction asked. */
  readonly more: boolean;
}

export interface Member {
  readonly user: string;
  readonly state: 'alive' | 'suspect';
  readonly since: string;
  readonly devices: number;
}

export interface PresencePage {
  readonly room: string;
  readonly members: readonly Member[];
  readonly total: number;
  readonly more: boolean;
}

export interface ListedRoom {
  readonly room: string;
  readonly access: 'public' | 'private';
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly present: number;
  /** Somebody else has put the user into it, who has not joined it yet. */
  readonly invited?: true | undefined;
}

export interface RoomsPage {
  readonly rooms: readonly ListedRoom[];
  readonly more: boolean;
}

export interface Welcome {
  readonly user: string;
  /** Names the database: positions of another one mean nothing. */
  readonly log: string;
  readonly heartbeat: { readonly intervalMs: number; readonly timeoutMs: number };
  readonly limits: { readonly frameBytes: number; readonly messagesPerMinute: number };
  /** Heads of the two channels of everyone; absent while the server cannot read them. */
  readonly channels?: { readonly broadcast: number; readonly user: number };
  readonly expiresAt: string;
  readonly time: string;
}

export interface HistoryQuery {
  /** This, or `channel`. */
  readonly room?: string;
  /** `broadcast`, `user` or `room:{id}`. */
  readonly channel?: string;
  /** Exclusive; this, or `before`, or neither: the newest. */
  readonly after?: number;
  /** Exclusive. */
  readonly before?: number;
  /** 1 to 200; 50 unless told. */
  readonly limit?: number;
}

export interface NewRoom {
  /** The server makes one when there is none. */
  readonly room?: string;
  readonly access: 'public' | 'private';
  /** Beside its creator; 1,000 at most. */
  readonly members?: readonly string[];
  /** 8 KiB of JSON at most. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface RoomsOptions {
  readonly after?: string;
  readonly limit?: number;
  /** With those that others have put the user into. */
  readonly invited?: boolean;
}
