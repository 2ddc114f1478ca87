import type {
  Address,
  Answered,
  Behaviour,
  Question,
  ReplyTo,
  TimerFired,
  Turn,
} from '../../runtime/ports/actor.ts';
import type { HookFailure, HookName, HookQuestion, HookReply } from '../../runtime/ports/hooks.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import { roomChannel } from '../../protocol/channels.ts';
import type { ConnectionMessage } from '../messages/connection.ts';
import type { Publication } from '../messages/relay.ts';
import type { Refusal } from '../messages/terms.ts';
import { SESSIONS } from '../messages/node.ts';
import { Effects } from '../kit/effects.ts';
import { Decisions } from './decisions.ts';
import { WaitingLine } from './waiting-line.ts';
import {
  judgeAuthorize,
  judgeMessage,
  type Decision,
  type MessageBody,
  type Nonsense,
} from './hook-answers.ts';

/** The questions that an application wants, and how long it may take. */
export interface HookOptions {
  /** Each that is asked costs a message two more inside the node; one that is not costs nothing. */
  readonly asked: ReadonlySet<HookName>;
  /** How long one answer may take. */
  readonly deadlineMs: number;
}

export interface HooksOptions extends HookOptions {
  readonly incarnation: Incarnation;
  /** Bytes of a frame: what a changed message must fit. */
  readonly frameBytes: number;
  readonly retryAfterMs: number;
}

export type HooksMessage =
  /** `isPatient`: it waits its turn where others would be refused, and gives way to them. */
  | ({
      readonly type: 'question';
      readonly question: HookQuestion;
      readonly isPatient?: true;
    } & Question<HookAnswer>)
  /** Earlier decisions may be different now: those about a user, a room, both, or all. */
  | ({
      readonly type: 'recheck';
      readonly user: string | undefined;
      readonly room: string | undefined;
    } & Question<object>)
  | { readonly type: 'hookReplied'; readonly call: number; readonly reply: HookReply };

/** The answer to a question: the message to store, a grant, or a refusal. */
export type HookAnswer = MessageBody | Decision;

export const HOOKS = 'hooks' as Address<HooksMessage>;

/** The time beyond the deadline of a hook, which the asker sets, so that an answer in its last moment gets through. */
export const HOOK_SLACK_MS = 500;

/** Questions that may be open at once: a minute's work for a hook that takes 6 ms of a core. */
const OPEN_MAX = 10_000;

/** Failures of one hook are logged this far apart; how many there were is counted. */
const LOG_EVERY_MS = 1_000;

/** UTF-16 units of an error's text in the log: the rest is the application's own affair. */
const LOGGED_MAX = 500;

/** Patient questions that may be open at once, so that there is room for others beside them. */
const PATIENT_MAX = 1_000;

interface Open {
  readonly question: HookQuestion;
  readonly replyTo: ReplyTo | undefined;
  readonly isPatient: boolean;
  /** When the asker stops waiting, on the clock of `now`. */
  readonly deadline: number;
}

/**
 * The node's one way to the application (D17).
 *
 * - Each question is answered once. A mistake of the application refuses that one question, and nothing else.
 * - It keeps no order: an asker that needs one keeps it (see `home/vetting.ts`).
 */
class HookDesk {
  readonly #options: HooksOptions;
  readonly #open = new Map<number, Open>();
  /** Questions in the order asked; one for each connection and room, and those whose answer is no longer awaited. */
  readonly #patient = new WaitingLine<Open>();
  #patientOpen = 0;
  readonly #decisions = new Decisions();
  #lastCall = 0;
  readonly #logged = new Map<HookName, { at: number; unlogged: number }>();

  constructor(options: HooksOptions) {
    this.#options = options;
  }

  take(message: HooksMessage | TimerFired | Answered, turn: Turn): Effects {
    const out = new Effects();
    switch (message.type) {
      case 'question': {
        const { question, isPatient = false } = message;
        this.#take({ question, replyTo: turn.replyTo, isPatient, deadline: turn.deadline }, turn, out);
        break;
      }
      case 'recheck':
        this.#recheck(message.user, message.room, out);
        out.reply(turn.replyTo, {});
        break;
      case 'hookReplied':
        this.#replied(message.call, message.reply, turn, out);
        this.#goOn(turn, out);
        break;
      case 'timer':
      case 'answer':
        break;
    }
    return out;
  }

  #take(open: Open, turn: Turn, out: Effects): void {
    const { question, replyTo, isPatient } = open;
    const kept = question.hook === 'authorize' ? this.#decisions.get(question, turn.now) : undefined;
    if (kept) return out.reply(replyTo, kept satisfies HookAnswer);
    const isFull = this.#open.size >= OPEN_MAX;
    if (isPatient && (isFull || this.#patientOpen >= PATIENT_MAX)) return this.#patient.push(open);
    if (!isFull) return this.#ask(open, out);
    out.count(`hook_failed_${question.hook}`);
    out.reply(replyTo, this.#unavailable());
  }

  #ask(open: Open, out: Effects): void {
    const { question, isPatient } = open;
    const call = ++this.#lastCall;
    this.#open.set(call, open);
    if (isPatient) this.#patientOpen++;
    out.add({ type: 'hook', call, question, deadlineMs: this.#options.deadlineMs });
  }

  /** Undefined: the question is not open any more. */
  #close(call: number): Open | undefined {
    const open = this.#open.get(call);
    this.#open.delete(call);
    if (open?.isPatient) this.#patientOpen--;
    return open;
  }

  /** Those that wait have their turn. */
  #goOn(turn: Turn, out: Effects): void {
    while (this.#patientOpen < PATIENT_MAX && this.#open.size < OPEN_MAX) {
      const next = this.#patient.shift();
      if (!next) return;
      if (next.deadline > turn.now) this.#take(next, turn, out);
    }
  }

  /** An answer that is on its way was found before: it is asked for once more. */
  #recheck(user: string | undefined, room: string | undefined, out: Effects): void {
    const isMeant = (of: { readonly user: string; readonly room: string }): boolean =>
      (user === undefined || of.user === user) && (room === undefined || of.room === room);
    this.#decisions.forget(isMeant);
    for (const [call, { question }] of [...this.#open]) {
      if (question.hook !== 'authorize' || !isMeant(question)) continue;
      const open = this.#close(call);
      if (open) this.#ask(open, out);
    }
    this.#tellThoseInside(user, room, out);
  }

  #tellThoseInside(user: string | undefined, room: string | undefined, out: Effects): void {
    const message = { type: 'recheck', user } as const;
    out.tell(SESSIONS, { type: 'recheck', user, room });
    if (room !== undefined)
      out.publish(roomChannel(room), [this.#options.incarnation], message satisfies Publication);
    else if (user === undefined)
      out.add({
        type: 'tellLocalKind',
        kind: 'conn',
        message: { type: 'recheck' } satisfies ConnectionMessage,
      });
  }

  #replied(call: number, reply: HookReply, turn: Turn, out: Effects): void {
    const open = this.#close(call);
    if (!open) return;
    const { question, replyTo } = open;
    if (reply.type === 'failed') {
      const { failure, message } = reply;
      this.#failed(question.hook, { failure, message }, turn, out);
      return out.reply(replyTo, failure === 'nonsense' ? NONSENSE : this.#unavailable());
    }
    const judged = this.#judge(question, reply.json, turn);
    if (!('nonsense' in judged)) return out.reply(replyTo, judged satisfies HookAnswer);
    this.#failed(question.hook, { failure: 'nonsense', message: judged.nonsense }, turn, out);
    out.reply(replyTo, NONSENSE);
  }

  #judge(question: HookQuestion, json: string, turn: Turn): HookAnswer | Nonsense {
    try {
      if (question.hook === 'beforeMessage') return judgeMessage(json, question, this.#options.frameBytes);
      const judged = judgeAuthorize(json, question);
      if ('nonsense' in judged) return judged;
      const { decision, forMs } = judged;
      if (forMs > 0) this.#decisions.keep(question, decision, turn.now + forMs);
      return decision;
    } catch {
      // So deep that it could just be written, and cannot be read here.
      return { nonsense: 'it is nested too deep' };
    }
  }

  #failed(
    hook: HookName,
    { failure, message }: { readonly failure: HookFailure; readonly message: string },
    turn: Turn,
    out: Effects,
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
    placement: 'node',
    start: () => [new HookDesk(options), []],
    step: (desk, message, turn) => desk.take(message, turn).effects,
  };
}
