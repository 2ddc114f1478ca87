import type { ChatMessage, Member } from '../../../client/src/index.ts';

/** A message of this user that is not stored yet. */
export interface Pending {
  readonly id: string;
  readonly content: string;
  readonly writtenAt: string;
  /** Why it was not stored. */
  failure?: Failure | undefined;
}

export interface Failure {
  readonly message: string;
  /** The content is at fault, so the user has to change it. */
  readonly isOfContent: boolean;
}

export type Stored = Pick<ChatMessage, 'seq' | 'id' | 'from' | 'content' | 'timestamp'>;

/**
 * What this tab knows of a room.
 *
 * - `messages` ascend by seq, each once, whatever the order and number of its deliveries.
 * - A message of this user is in `pending` or in `messages`, never in both.
 */
export class Room {
  readonly name: string;
  readonly messages: Stored[] = [];
  readonly pending: Pending[];
  /** Ranges that the server no longer has. */
  readonly missed: { readonly from: number; readonly to: number }[] = [];
  members: readonly Member[] = [];
  total = 0;
  /** Why the last request for `members` failed. */
  membersStaleBecause: string | undefined;
  /** Until when each user counts as typing. */
  readonly typing = new Map<string, number>();
  draft: string;
  unread = 0;
  isJoined = false;
  isLoading = false;
  /** Whether there are messages older than the first one. */
  hasOlder = true;
  /** The seq behind the history, where reading begins without messages. Unknown before the first answer. */
  end: number | undefined;
  /** Why reading older messages failed. Scrolling does not retry it, because a failure may cause scrolling. */
  unreadBecause: string | undefined;
  /** Why the server refused the user. */
  refusedBecause: string | undefined;
  /** Why the user cannot write here. */
  closedBecause: string | undefined;
  /** Why the room is temporarily unavailable. */
  delayedBecause: string | undefined;

  /** Counts the logs that the messages here belonged to. */
  log = 0;

  /** `before`: the same room, as it was when the server removed the user. The new one keeps its unsent messages. */
  constructor(name: string, before?: Room) {
    this.name = name;
    this.pending = before?.pending ?? [];
    this.draft = before?.draft ?? '';
  }

  get isWritable(): boolean {
    return this.closedBecause === undefined && this.refusedBecause === undefined;
  }

  /** The room has messages that exist nowhere else. */
  get isKept(): boolean {
    return this.draft !== '' || this.pending.length > 0;
  }

  /** Adds a message. Returns whether it is new. */
  take(message: Stored): boolean {
    const { messages } = this;
    let at = messages.length;
    while (at > 0 && messages[at - 1]!.seq > message.seq) at--;
    const isNew = messages[at - 1]?.seq !== message.seq;
    if (isNew) messages.splice(at, 0, message);
    return isNew;
  }

  settle(id: string): Pending | undefined {
    const at = this.pending.findIndex((pending) => pending.id === id);
    return at < 0 ? undefined : this.pending.splice(at, 1)[0];
  }

  /** The log is another one, so everything known is invalid. */
  reset(seq: number): void {
    this.messages.length = this.missed.length = 0;
    this.hasOlder = true;
    this.isLoading = false;
    this.log++;
    this.end = seq + 1;
  }
}
