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
