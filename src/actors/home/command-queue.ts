import type { Awaits, ReplyTo } from '../../runtime/ports/actor.ts';
import type { CreateRoom, SetBan } from '../messages/home.ts';
import type { StoreAnswer, StoreQuestion } from '../messages/log.ts';

export type CommandContext = Awaits<CommandAnswer> &
  (
    | ({ readonly for: 'create' } & Creation)
    | {
        readonly for: 'setMember';
        readonly user: string;
        readonly isMember: boolean;
        readonly replyTo: ReplyTo | undefined;
      }
    | { readonly for: 'ban'; readonly change: SetBan; readonly replyTo: ReplyTo | undefined }
    | { readonly for: 'delete'; readonly replyTo: ReplyTo | undefined }
    /** `next` is made when nothing is left of the deleted room. */
    | { readonly for: 'empty'; readonly next: Creation | undefined }
  );

export interface Creation {
  readonly request: CreateRoom;
  readonly replyTo: ReplyTo | undefined;
}

type CommandName = 'createRoom' | 'setMember' | 'ban' | 'unban' | 'deleteRoom' | 'emptyRoom';

/** The queue does not tell which command an answer is for: it is the answer to one of them. */
export type CommandAnswer = StoreAnswer<CommandName>;

/** The commands of a room that wait for the store. */
export interface CommandQueue {
  isDeleting: boolean;
  isUnderWay: boolean;
  readonly waiting: Command[];
}

export interface Command {
  readonly question: StoreQuestion<CommandName>;
  readonly context: CommandContext;
  /** Until when its asker waits. What could not begin by then is not done. */
  readonly deadline: number;
}

/** The store makes the change only under the home's epoch. A deletion has a fence of its own, and raises the epoch. */
export function isFenced({ request }: Command['question']): boolean {
  return request.call !== 'emptyRoom' && request.call !== 'deleteRoom';
}

/** The asker of a command, or of the creation behind it. */
export function askerOf({ context }: Command): ReplyTo | undefined {
  return context.for === 'empty' ? context.next?.replyTo : context.replyTo;
}

export function areAllDone({ isUnderWay, waiting }: CommandQueue): boolean {
  return !isUnderWay && waiting.length === 0;
}
