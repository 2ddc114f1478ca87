import type { Address, Behaviour, ReplyTo, TimerFired, Answered, Turn } from '../../runtime/ports/actor.ts';
import type { HookFailure, HookName, HookQuestion, HookReply } from '../../runtime/ports/hooks.ts';
import type { Refusal } from '../messages.ts';
import { Outbox } from '../outbox.ts';
import { judgeJoin, judgeMessage, type Judged, type MessageBody } from './hook-answers.ts';

/** What an application wants to be asked, and how long it may take. */
export interface HookOptions {
  /** Each that is asked costs a message two more inside the node; one that is not costs nothing. */
  readonly asked: ReadonlySet<HookName>;
  /** How long one answer may take. */
  readonly deadlineMs: number;
}

export interface HooksOptions extends HookOptions {
  /** Bytes of a frame: what a changed message must fit. */
  readonly frameBytes: number;
  readonly retryAfterMs: number;
}

export type HooksMessage =
  | { readonly type: 'question'; readonly question: HookQuestion }
  | { readonly type: 'hookReplied'; readonly call: number; readonly reply: HookReply };

/** The answer to a question: what is to be stored, that a join is granted, or why not. */
export type HookAnswer = MessageBody | { readonly isGranted: true } | Refusal;

export const HOOKS = 'hooks' as Address<HooksMessage>;

/** Beyond the deadline of a hook, which is said by whoever asks it: so that an answer in its last moment gets through. */
export const HOOK_SLACK_MS = 500;

/** Questions that may be open at once: a minute's work for a hook that takes 6 ms of a core. */
const OPEN_MAX = 10_000;

/** Failures of one hook are logged this far apart; how many there were is counted. */
const LOG_EVERY_MS = 1_000;

/** UTF-16 units of what is logged of an error: the rest is the application's own affair. */
const LOGGED_MAX = 500;

interface Open {
  readonly question: HookQuestion;
  readonly replyTo: ReplyTo | undefined;
}

/**
 * The node's one way to the application (D17).
 *
 * - Each question is answered once. What the application does wrong refuses that one question, and nothing else.
 * - It keeps no order: whoever needs one keeps it (see `home/vetting.ts`).
 */
class HookDesk {
  readonly #options: HooksOptions;
  readonly #open = new Map<number, Open>();
  #lastCall = 0;
  readonly #logged = new Map<HookName, { at: number; unlogged: number }>();

  constructor(options: HooksOptions) {
    this.#options = options;
  }

  take(message: HooksMessage | TimerFired | Answered, turn: Turn): Outbox {
    const out = new Outbox();
    if (message.type === 'question') this.#ask(message.question, turn.replyTo, out);
    if (message.type === 'hookReplied') this.#replied(message.call, message.reply, turn, out);
    return out;
  }

  #ask(question: HookQuestion, replyTo: ReplyTo | undefined, out: Outbox): void {
    if (this.#open.size >= OPEN_MAX) {
      out.count(`hook_failed_${question.hook}`);
      return out.reply(replyTo, this.#unavailable());
    }
    const call = ++this.#lastCall;
    this.#open.set(call, { question, replyTo });
    out.add({ type: 'hook', call, question, deadlineMs: this.#options.deadlineMs });
  }

  #replied(call: number, reply: HookReply, turn: Turn, out: Outbox): void {
    const open = this.#open.get(call);
    if (!open) return;
    this.#open.delete(call);
    const { question, replyTo } = open;
    if (reply.type === 'failed') {
      const { failure, message } = reply;
      this.#failed(question.hook, { failure, message }, turn, out);
      return out.reply(replyTo, failure === 'nonsense' ? NONSENSE : this.#unavailable());
    }
    const judged = this.#judge(question, reply.json);
    if (judged === 'granted') return out.reply(replyTo, { isGranted: true } satisfies HookAnswer);
    if (!('nonsense' in judged)) return out.reply(replyTo, judged satisfies HookAnswer);
    this.#failed(question.hook, { failure: 'nonsense', message: judged.nonsense }, turn, out);
    out.reply(replyTo, NONSENSE);
  }

  #judge(question: HookQuestion, json: string): Judged<MessageBody | 'granted'> {
    try {
      return question.hook === 'authorizeJoin'
        ? judgeJoin(json, question)
        : judgeMessage(json, question, this.#options.frameBytes);
    } catch {
      // So deep that it could just be written, and cannot be read here.
      return { nonsense: 'it is nested too deep' };
    }
  }

  #failed(
    hook: HookName,
    { failure, message }: { readonly failure: HookFailure; readonly message: string },
    turn: Turn,
    out: Outbox,
  ): void {
    out.count(`hook_failed_${hook}`);
    const last = this.#logged.get(hook) ?? { at: -Infinity, unlogged: 0 };
    if (turn.now - last.at < LOG_EVERY_MS) {
      last.unlogged++;
      return;
    }
    const details = { hook, failure, message: message.slice(0, LOGGED_MAX), unlogged: last.unlogged };
    this.#logged.set(hook, { at: turn.now, unlogged: 0 });
    out.add({ type: 'log', level: 'error', event: 'a hook failed', details });
  }

  #unavailable(): Refusal {
    const { retryAfterMs } = this.#options;
    return { error: 'unavailable', message: 'this cannot be decided right now', retryAfterMs };
  }
}

const NONSENSE: Refusal = {
  error: 'internal',
  message: 'this could not be decided: a fault of the application',
};

export function hooksBehaviour(options: HooksOptions): Behaviour<HookDesk, HooksMessage> {
  return {
    kind: 'hooks',
    mailboxMax: 65_536,
    supervision: 'restart',
    isVirtual: true,
    start: () => [new HookDesk(options), []],
    step: (desk, message, turn) => desk.take(message, turn).effects,
  };
}
