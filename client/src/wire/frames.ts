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

/** An event that the back end published to one user, or to every user. */
export interface Published {
  readonly seq: number;
  readonly id: string;
  readonly data: unknown;
  /** When the server stored it. */
  readonly timestamp: string;
}

/** An entry of a page. `channel` names its log. */
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
  /** When the server stored it. */
  readonly timestamp: string;
  /** An earlier try was stored: `seq` and `timestamp` are those of the first one. */
  readonly duplicate?: true;
}

export interface HistoryPage {
  readonly channel: string;
  /** In ascending order. */
  readonly messages: readonly Entry[];
  /** There are more in the same direction. */
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
  /** Another user has added this user to the room, who has not joined it yet. */
  readonly invited?: true | undefined;
}

export interface RoomsPage {
  readonly rooms: readonly ListedRoom[];
  readonly more: boolean;
}

export interface Welcome {
  readonly user: string;
  /** The name of the log. Positions of another log mean nothing. */
  readonly log: string;
  readonly heartbeat: { readonly intervalMs: number; readonly timeoutMs: number };
  readonly limits: { readonly frameBytes: number; readonly messagesPerMinute: number };
  /** Heads of `broadcast` and `user`; absent while the server cannot read them. */
  readonly channels?: { readonly broadcast: number; readonly user: number };
  readonly expiresAt: string;
  readonly time: string;
}

export interface HistoryQuery {
  /** Either this or `channel`. */
  readonly room?: string;
  /** `broadcast`, `user` or `room:{id}`. */
  readonly channel?: string;
  /** Exclusive. Without `after` and `before` the page is the newest. */
  readonly after?: number;
  /** Exclusive. */
  readonly before?: number;
  /** 1 to 200, by default 50. */
  readonly limit?: number;
}

export interface NewRoom {
  /** The server makes one if it is missing. */
  readonly room?: string;
  readonly access: 'public' | 'private';
  /** Members beside the creator; 1,000 at most. */
  readonly members?: readonly string[];
  /** 8 KiB of JSON at most. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface RoomsOptions {
  readonly after?: string;
  readonly limit?: number;
  /** Also lists rooms that other users have added the user to. */
  readonly invited?: boolean;
}
