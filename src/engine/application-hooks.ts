import { hookReply } from '../actors/hooks/hook-reply.ts';
import type { HookErrorCode } from '../protocol/codes.ts';
import type { Action, HookName, HookQuestion, HookReply, Hooks } from '../runtime/ports/hooks.ts';

/** What a user wants to do, and with which room. */
export interface AuthorizeRequest {
  readonly user: string;
  /** A copy of the token's whole payload with its custom claims: a JSON object whose text has at most 16,384 characters. */
  readonly claims: Readonly<Record<string, unknown>>;
  /**
   * The user's action.
   * - `join`: enter, by `join` or `resume`. The hook is also asked for `read`, because a user in the room reads it.
   * - `send`: a message, by `chat` or over REST.
   * - `read`: history, by `history` or over REST; and being in the room.
   * - `presence`: list the present users. `signal`: send to the present users. `create`: create the room.
   */
  readonly action: Action;
  readonly room: string;
}

/**
 * `true`: the application agrees; the room's own rights must agree too. `false`: `forbidden`. `message`: 1 to 500
 * characters for the client, by default a standard sentence. With `forMs`, up to 3,600,000, the engine caches the answer
 * that long for this user, room, action and token, until `engine.recheck`.
 */
export type AuthorizeAnswer =
  | boolean
  | { readonly allow: boolean; readonly forMs?: number }
  | { readonly error: HookErrorCode; readonly message?: string; readonly forMs?: number };

/** A message before it is numbered and stored. */
export interface MessageRequest {
  /** The sender. */
  readonly user: string;
  readonly room: string;
  /** The client's id, or one that the server made. It is the key under which the message is stored once. */
  readonly id: string;
  readonly content: string;
  /** A copy: changes to it have no effect. Undefined when the message has none. */
  readonly data: Record<string, unknown> | undefined;
}

/**
 * `true`: stores it as it is. `false`: refuses it as `forbidden`. `change`: stores it with other content, other data, or
 * none (`null`); fields that are not named stay. `refuse`: refuses it with a message of 1 to 500 characters; `code` is
 * `forbidden` by default.
 */
export type MessageAnswer =
  | boolean
  | { readonly change: { readonly content?: string; readonly data?: Record<string, unknown> | null } }
  | { readonly refuse: { readonly code?: HookErrorCode; readonly message: string } };

/**
 * The hooks of an application. Each may return a promise. The engine calls each for many questions at once, and each
 * question has `deadlineMs`. A hook that throws or is late refuses that one request as `unavailable`; one that returns
 * something else refuses it as `internal`. Nothing else is affected. A hook that is not set is not asked, and costs
 * nothing.
 */
export interface EngineHooks {
  /**
   * Called before anything is done with a room, over a socket or REST, by any user. For messages it is called before
   * {@link EngineHooks.beforeMessage}, after the check of the room's rights.
   */
  readonly authorize?:
    ((request: AuthorizeRequest) => AuthorizeAnswer | Promise<AuthorizeAnswer>) | undefined;
  /**
   * Called before a message to a room is stored, by `chat` or over REST, after the check of the room's rights. Later
   * messages of the same user to the same room wait for the answer. It may be called again for the same message, when a
   * client sends it again. The first stored version stays.
   */
  readonly beforeMessage?: ((request: MessageRequest) => MessageAnswer | Promise<MessageAnswer>) | undefined;
  /** How long an answer may take: 100 to 10,000 ms, by default 1,000. */
  readonly deadlineMs?: number | undefined;
}

/** How long a hook may take (ms): default and bounds. A connection waits for its join meanwhile. */
export const HOOK_MS = { standard: 1_000, min: 100, max: 10_000 } as const;

/** The names of the hooks that are set. */
export function askedHooks({ authorize, beforeMessage }: EngineHooks): ReadonlySet<HookName> {
  const asked = new Set<HookName>();
  if (authorize) asked.add('authorize');
  if (beforeMessage) asked.add('beforeMessage');
  return asked;
}

/** The hooks of an application as a port. It enforces their deadline and checks that they return an answer. */
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
      (answer) => say(hookReply(answer)),
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

function messageOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return 'something that cannot be shown';
  }
}
