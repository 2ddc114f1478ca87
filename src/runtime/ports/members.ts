/** Whether somebody is a member of a room; `invited`: put into it by its maker, and not joined yet. */
export type Membership = boolean | 'invited';

/** What is asked about who may be in a room, and who may not. */
export interface MemberCalls {
  membership: {
    request: { readonly pairs: readonly { readonly room: string; readonly user: string }[] };
    reply: readonly Membership[];
  };
  /** How much longer each is banned from the room (ms, by the database's clock): 0 for not at all, infinite for ever. */
  banned: {
    request: { readonly pairs: readonly { readonly room: string; readonly user: string }[] };
    reply: readonly number[];
  };
  /** Bans somebody from a room (JW7), until a time (ms since 1970) or for ever. */
  ban: {
    request: {
      readonly room: string;
      readonly user: string;
      readonly until: number | null;
      /** The room has no record yet: it gets one, as by its first message (FR7). */
      readonly foundsRoom: boolean;
    };
    reply: null;
  };
  unban: { request: { readonly room: string; readonly user: string }; reply: null };
  /** Who was put into a room by its maker has joined it. */
  acceptInvitation: { request: { readonly room: string; readonly user: string }; reply: null };
  setMember: {
    request: { readonly room: string; readonly user: string; readonly isMember: boolean };
    reply: null;
  };
}
