/** Whether a user is a member of a room. `invited`: the room's creator added them, and they have not joined yet. */
export type Membership = boolean | 'invited';

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
    };
    reply: null;
  };
  unban: { request: { readonly room: string; readonly user: string }; reply: null };
  /** A user whom the room's creator added has joined it. */
  acceptInvitation: { request: { readonly room: string; readonly user: string }; reply: null };
  setMember: {
    request: { readonly room: string; readonly user: string; readonly isMember: boolean };
    reply: null;
  };
}
