import type { HookErrorCode } from '../protocol/codes.ts';
import type { Action, HookName, HookQuestion, HookReply, Hooks } from '../runtime/ports/hooks.ts';

/** What somebody wants to do with which room. */
export interface AuthorizeRequest {
  readonly user: string;
  /** A copy of all that the token says, its own claims too: a JSON object whose text has at most 16,384 characters. */
  readonly claims: Readonly<Record<string, unknown>>;
  /**
   * - `join`: to come in, by `join` or `resume`; `read` is asked with it, for who is in a room reads it.
   * - `send`: a message, by `chat` or over REST.
   * - `read`: history, by `history` or over REST; and being in the room.
   * - `presence`: who is in it. `signal`: to those who are. `create`: to make it.
   */
  readonly action: Action;
  readonly room: string;
}

/**
 * `true`: as far as the application is concerned; the room's own rights must agree. `false`: `forbidden`. `message`: 1 to
 * 500 characters for whoever asked; a sentence of its own unless given. With `forMs`, up to 3,600,000, the answer is kept so
 * long for that user, room, action and token, and not asked for again until `engine.recheck`.
 */
export type AuthorizeAnswer =
  | boolean
  | { readonly allow: boolean; readonly forMs?: number }
  | { readonly error: HookErrorCode; readonly message?: string; readonly forMs?: number };

/** A message before it is numbered and stored. */
export interface MessageRequest {
  /** Who sends it. */
  readonly user: string;
  readonly room: string;
  /** The client's id, or one of the server's; the key under which it is stored once. */
  readonly id: string;
  readonly content: string;
  /** A copy: what is changed in it changes nothing. Undefined when the message has none. */
  readonly data: Record<string, unknown> | undefined;
}

/**
 * `true`: as it is. `false`: not at all, `forbidden`. `change`: with another content, other data, or none (`null`); what is not named stays. `refuse`: as
 * `false`, with a word of one's own; `code` is `forbidden` unless given, `message` has 1 to 500 characters.
 */
export type MessageAnswer =
  | boolean
  | { readonly change: { readonly content?: string; readonly data?: Record<string, unknown> | null } }
  | { readonly refuse: { readonly code?: HookErrorCode; readonly message: string } };

/**
 * What an application has a say in. Each may return a promise, is called for many questions at once, and has
 * `deadlineMs` for each. One that throws or is late refuses that one request as `unavailable`, one that returns
 * anything else as `internal`; everything else goes on. What is not given is not asked, and costs nothing.
 */
export interface EngineHooks {
  /**
   * Before anything is done with a room, over a socket or REST, by anybody. Of messages it is asked before
   * {@link EngineHooks.beforeMessage}, once the room's rights have been checked.
   */
  readonly authorize?:
    ((request: AuthorizeRequest) => AuthorizeAnswer | Promise<AuthorizeAnswer>) | undefined;
  /**
   * Before a message to a room is stored, by `chat` or over REST, once the room's rights have been checked. Later
   * messages of the same user to the same room wait for the answer. It may be asked again about the same message (a
   * client sends it again); what was stored first stays.
   */
  readonly beforeMessage?: ((request: MessageRequest) => MessageAnswer | Promise<MessageAnswer>) | undefined;
  /** How long an answer may take: 100 to 10,000 ms; 1,000 unless given. */
  readonly deadlineMs?: number | undefined;
}

/** How long a hook may take (ms): unless given, and the bounds. A connection waits for its join meanwhile. */
export const HOOK_MS = { standard: 1_000, min: 100, max: 10_000 } as const;

/** The hooks there are, by name. */
export function askedHooks({ authorize, beforeMessage }: EngineHooks): ReadonlySet<HookName> {
  const asked = new Set<HookName>();
  if (authorize) asked.add('authorize');
  if (beforeMessage) asked.add('beforeMessage');
  return asked;
}

/** The functions of an application as a port: held to its deadline, and to saying something. */
export class ApplicationHooks implements Hooks {
  readonly #hooks: EngineHooks;

  constructor(hooks: EngineHooks) {
    this.#hooks = hooks;
  }

  ask(question: HookQuestion, deadlineMs: number, done: (reply: HookReply) => void): void {
    let isOver = false;
    const say = (reply: HookReply): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      done(reply);
    };
    const message = `no answer within ${deadlineMs} ms`;
    const timer = setTimeout(() => say({ type: 'failed', failure: 'late', message }), deadlineMs);
    this.#call(question).then(
      (answer) => say(replyOf(answer)),
      (error: unknown) => say({ type: 'failed', failure: 'threw', message: messageOf(error) }),
    );
  }

  async #call(question: HookQuestion): Promise<unknown> {
    if (question.hook === 'authorize') {
      const { user, action, room } = question;
      const claims = JSON.parse(question.claims) as Record<string, unknown>;
      return this.#hooks.authorize?.({ user, claims, action, room });
    }
    const { user, room, id, content, data } = question;
    const parsed = data === null ? undefined : (JSON.parse(data) as Record<string, unknown>);
    return this.#hooks.beforeMessage?.({ user, room, id, content, data: parsed });
  }
}

function replyOf(answer: unknown): HookReply {
  try {
    const json = JSON.stringify(answer) as string | undefined;
    if (json !== undefined) return { type: 'answered', json };
  } catch {
    // What cannot be written as JSON is said below.
  }
  return {
    type: 'failed',
    failure: 'nonsense',
    message: answer === undefined ? 'it gave undefined: is there a return?' : 'the answer is no JSON value',
  };
}

function messageOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return 'something that cannot be shown';
  }
}
