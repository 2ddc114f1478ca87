/** Whether a user is a member of a room. `invited`: the room's creator added them, and they have not joined yet. */
export type Membership = boolean | 'invited';

/**
 * The state of the room's channel under which a change counts: this owner at this epoch. The store makes no change without it,
 * so that one that comes late changes nothing (D25).
 */
export interface Fence {
  readonly owner: string;
  readonly epoch: number;
}

/** Users who lost the right to a room. */
export interface Removal {
  readonly room: string;
  /** Null: all of them, because the room was deleted. */
  readonly user: string | null;
  readonly why: 'removed' | 'banned' | 'deleted';
}

/**
 * The reply to a change of rights. Null: the fence stopped it. Otherwise its number, by which other nodes read it (D25); 0 when
 * no user lost a right by it.
 */
export type Changed = number | null;

/** Calls about the users who may enter a room, and the users who may not. */
export interface MemberCalls {
  membership: {
    request: { readonly pairs: readonly { readonly room: string; readonly user: string }[] };
    reply: readonly Membership[];
  };
  /**
   * How much longer each user is banned from the room (ms, by the database's clock): 0 for not banned, infinite for ever.
   */
  banned: {
    request: { readonly pairs: readonly { readonly room: string; readonly user: string }[] };
    reply: readonly number[];
  };
  /** Bans a user from a room (JW7), until a time (ms since 1970) or for ever. */
  ban: {
    request: {
      readonly room: string;
      readonly user: string;
      readonly until: number | null;
      /** The room has no record yet. The ban creates it, as the room's first message would (FR7). */
      readonly createsRoom: boolean;
      readonly fence?: Fence;
    };
    reply: Changed;
  };
  /** Nodes that read later do not learn of the bans of this user either. */
  unban: {
    request: { readonly room: string; readonly user: string; readonly fence?: Fence };
    reply: Changed;
  };
  /** A user whom the room's creator added has joined it. */
  acceptInvitation: { request: { readonly room: string; readonly user: string }; reply: null };
  /** Nodes that read later do not learn of the removals of a user who becomes a member, also by `createRoom`. */
  setMember: {
    request: {
      readonly room: string;
      readonly user: string;
      readonly isMember: boolean;
      readonly fence?: Fence;
    };
    reply: Changed;
  };
}
