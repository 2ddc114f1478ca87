/** What somebody may want to do with a room. `read` is to see what is written there: history, and being in it. */
export type Action = 'join' | 'send' | 'read' | 'presence' | 'signal' | 'create';

/** Whether a user may do something with a room, beside the rights that the room itself gives. */
export interface AuthorizeQuestion {
  readonly hook: 'authorize';
  readonly user: string;
  /** All that the token says, a JSON object as text. */
  readonly claims: string;
  readonly action: Action;
  readonly room: string;
}

/** What is to become of a message, before it is numbered and stored. */
export interface MessageQuestion {
  readonly hook: 'beforeMessage';
  readonly user: string;
  readonly room: string;
  readonly id: string;
  readonly content: string;
  /** A JSON object as text, or null. */
  readonly data: string | null;
}

export type HookQuestion = AuthorizeQuestion | MessageQuestion;

export type HookName = HookQuestion['hook'];

/** Why there is no answer: the hook threw, took longer than its deadline, or returned what is no JSON. */
export type HookFailure = 'threw' | 'late' | 'nonsense';

/** What the application said, as JSON text and not judged yet; or why it said nothing. */
export type HookReply =
  | { readonly type: 'answered'; readonly json: string }
  | { readonly type: 'failed'; readonly failure: HookFailure; readonly message: string };

/**
 * What the application has a say in. Never throws. `done` is called exactly once, after `ask` has returned, and not
 * later than the deadline (plus one turn of the loop); questions do not wait for each other.
 */
export interface Hooks {
  ask(question: HookQuestion, deadlineMs: number, done: (reply: HookReply) => void): void;
}
