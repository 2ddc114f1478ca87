import type { ChatMessage, Member } from '../../../client/src/index.ts';

/** One's own message that is not stored yet. */
export interface Pending {
  readonly id: string;
  readonly content: string;
  readonly writtenAt: string;
  /** Why it was not stored. */
  failure?: Failure | undefined;
}

export interface Failure {
  readonly message: string;
  /** As it is it never will be: it has to be written anew. */
  readonly isOfContent: boolean;
}

export type Stored = Pick<ChatMessage, 'seq' | 'id' | 'from' | 'content' | 'timestamp'>;

/**
 * What this tab knows of a room.
 *
 * - `messages` ascend by seq, each once, however often and in whichever order they are taken.
 * - One's own message is in `pending` or in `messages`, never in both.
 */
export class Room {
  readonly name: string;
  readonly messages: Stored[] = [];
  readonly pending: Pending[];
  /** Ranges that the server does not have any more. */
  readonly missed: { readonly from: number; readonly to: number }[] = [];
  members: readonly Member[] = [];
  total = 0;
  /** Why `members` could not be asked for the last time. */
  membersStaleBecause: string | undefined;
  /** Who is typing, until when. */
  readonly typing = new Map<string, number>();
  draft: string;
  unread = 0;
  isJoined = false;
  isLoading = false;
  /** There are older messages than the first one. */
  hasOlder = true;
  /** The seq that follows what is history: where reading begins while there is no message. Unknown before one is in. */
  end: number | undefined;
  /** Why the older messages could not be read; not tried again by scrolling, which a failure may cause. */
  unreadBecause: string | undefined;
  /** Why one was not let in. */
  refusedBecause: string | undefined;
  /** Why nothing can be written here. */
  closedBecause: string | undefined;
  /** Why the server does not let one in for the moment. */
  delayedBecause: string | undefined;

  /** Counts the logs that messages here were of. */
  log = 0;

  /** `before`: the same room, as it was when one was put off it. What was written there is kept. */
  constructor(name: string, before?: Room) {
    this.name = name;
    this.pending = before?.pending ?? [];
    this.draft = before?.draft ?? '';
  }

  get isWritable(): boolean {
    return this.closedBecause === undefined && this.refusedBecause === undefined;
  }

  /** Something was written here that is nowhere else. */
  get isKept(): boolean {
    return this.draft !== '' || this.pending.length > 0;
  }

  /** Returns whether it is new. */
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

  /** The log is another one: nothing of what is known means anything. */
  reset(seq: number): void {
    this.messages.length = this.missed.length = 0;
    this.hasOlder = true;
    this.isLoading = false;
    this.log++;
    this.end = seq + 1;
  }
}
