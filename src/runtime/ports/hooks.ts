/** What a user may want to do with a room. `read` covers its history and being in it. */
export type Action = 'join' | 'send' | 'read' | 'presence' | 'signal' | 'create';

/** Whether a user may do something with a room. The hook decides this in addition to the room's own rights. */
export interface AuthorizeQuestion {
  readonly hook: 'authorize';
  readonly user: string;
  /** The token's whole payload, a JSON object as text. */
  readonly claims: string;
  readonly action: Action;
  readonly room: string;
}

/** Asks the application what to do with a message, before it is numbered and stored. */
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

/** Why there is no answer: the hook threw, missed its deadline, or returned something that is not JSON. */
export type HookFailure = 'threw' | 'late' | 'nonsense';

/** The application's answer as JSON text, not validated yet; or why there is none. */
export type HookReply =
  | { readonly type: 'answered'; readonly json: string }
  | { readonly type: 'failed'; readonly failure: HookFailure; readonly message: string };

/**
 * The application's hooks. `ask` never throws. It calls `done` exactly once, after it has returned and by the deadline
 * (plus one turn of the loop). Questions do not wait for each other.
 */
export interface Hooks {
  ask(question: HookQuestion, deadlineMs: number, done: (reply: HookReply) => void): void;
}
