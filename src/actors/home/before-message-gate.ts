import type { Answer, Awaits, Turn } from '../../runtime/ports/actor.ts';
import type { HookName, HookQuestion } from '../../runtime/ports/hooks.ts';
import type { NewEntry } from '../../runtime/ports/log-store.ts';
import { HOOK_SLACK_MS, HOOKS, type HookAnswer } from '../hooks/hooks.ts';
import { isRefusal } from '../messages/terms.ts';
import type { Sender } from '../messages/connection.ts';
import { answerFor } from '../kit/answers.ts';
import type { Effects } from '../kit/effects.ts';
import { ENDED, SESSIONS, type Kept, type StandingNow } from '../messages/node.ts';
import type { WriterLimits } from './writer-limits.ts';
import type { Continuation } from './continuation.ts';
import type { Sent } from './pending.ts';
import { unavailable } from './refusals.ts';

export type GateContext = VettedContext | StandingContext;

interface VettedContext extends Awaits<HookAnswer> {
  readonly for: 'vetted';
  readonly serial: number;
  readonly hook: HookName;
}

/** How the senders of these stand by now. */
interface StandingContext extends Awaits<readonly StandingNow[]> {
  readonly for: 'standing';
  readonly sender: string;
  readonly serials: readonly number[];
}

/** What a step has. */
interface Step {
  readonly turn: Turn;
  readonly out: Effects;
}

interface Waiting extends Pick<Sent, 'entry' | 'asker'> {
  readonly serial: number;
  /** With the rights as they were last known. */
  by: Sender;
  /** When the application was asked about its sender: what changes later may change that. */
  since: number;
  /** What the application made of the message; undefined until it is known. */
  made: HookAnswer | undefined;
  /** What the application said last; undefined until it is known. */
  answer: HookAnswer | undefined;
}

/** What the application is asked about a message, one after the other, and how long each answer may take. */
export interface AskedOfMessages {
  readonly first: HookName;
  readonly second: HookName | undefined;
  readonly hookMs: number;
}

/**
 * The messages of a room that wait for the application's word: whether their sender may (`authorize`), and what is to
 * become of them (`beforeMessage`).
 *
 * - All are asked about at once. What a user has sent goes on in the order sent, however late an answer (DG7); users do
 *   not wait for each other.
 * - It takes its time, and the sender's rights may be others by then: none goes on before it was asked how the sender
 *   stands now (JW4).
 */
export class BeforeMessageGate {
  readonly #room: string;
  readonly #hooks: AskedOfMessages;
  /** As many may wait as may be under way to the log. */
  readonly #limits: WriterLimits;
  readonly #asked = new Map<number, Waiting>();
  /** In the order sent. */
  readonly #bySender = new Map<string, Waiting[]>();
  /** Senders whose standing is being read. */
  readonly #lookedAt = new Set<string>();
  #count = 0;
  #size = 0;
  #lastSerial = 0;

  constructor(room: string, hooks: AskedOfMessages, limits: WriterLimits) {
    this.#room = room;
    this.#hooks = hooks;
    this.#limits = limits;
  }

  /** Something that was taken waits for a word. */
  get isBusy(): boolean {
    return this.#count > 0;
  }

  /** A message of this sender with this id waits, and it is open whether it will be stored. */
  awaits({ sender, id }: NewEntry): boolean {
    return this.#bySender.get(sender)?.some(({ entry }) => entry.id === id) === true;
  }

  ask(sent: Sent, turn: Turn, out: Effects): void {
    const { pendingMax, pendingSizeMax } = this.#limits;
    const { sender: user } = sent.entry;
    if (this.#count >= pendingMax || this.#size + sizeOf(sent.entry) > pendingSizeMax)
      return out.reply(sent.asker.replyTo, unavailable(this.#limits));
    this.#count++;
    this.#size += sizeOf(sent.entry);
    const serial = ++this.#lastSerial;
    const waiting: Waiting = { ...sent, serial, since: turn.now, made: undefined, answer: undefined };
    const queue = this.#bySender.get(user);
    if (queue) queue.push(waiting);
    else this.#bySender.set(user, [waiting]);
    this.#askOf(waiting, this.#hooks.first, out);
  }

  #askOf(waiting: Waiting, hook: HookName, out: Effects): void {
    const room = this.#room;
    const { entry, by, serial } = waiting;
    const { id, sender: user, content, data } = entry;
    const question: HookQuestion =
      hook === 'authorize'
        ? { hook, user, claims: by.payload ?? '{}', action: 'send', room }
        : { hook, user, room, id, content, data };
    const context: GateContext = { for: 'vetted', serial, hook };
    this.#asked.set(serial, waiting);
    out.ask(
      HOOKS,
      { type: 'question', question },
      { deadlineMs: this.#hooks.hookMs + HOOK_SLACK_MS, context },
    );
  }

  /** Returns the messages that the application has accepted or refused, in the order in which they go on. */
  answered(context: GateContext, answer: Answer<unknown>, turn: Turn, out: Effects): readonly Continuation[] {
    const decided: Continuation[] = [];
    if (context.for === 'standing') {
      this.#known(context, answerFor(context, answer), decided, { turn, out });
      this.#goOn(context.sender, decided, { turn, out });
      return decided;
    }
    const waiting = this.#asked.get(context.serial);
    if (!waiting) return decided;
    this.#asked.delete(context.serial);
    const vetted = answerFor(context, answer);
    const said = vetted.ok ? vetted.body : unavailable(this.#limits);
    const { second } = this.#hooks;
    if (context.hook === 'beforeMessage') waiting.made = said;
    else if (!isRefusal(said) && !waiting.made && second) {
      this.#askOf(waiting, second, out);
      return decided;
    }
    waiting.answer = isRefusal(said) ? said : (waiting.made ?? said);
    this.#goOn(waiting.entry.sender, decided, { turn, out });
    return decided;
  }

  /** The sender's messages go on, up to the first one that is not decided. */
  #goOn(sender: string, decided: Continuation[], step: Step): void {
    const queue = this.#bySender.get(sender);
    if (!queue || this.#lookedAt.has(sender)) return;
    for (let first = queue[0]; first?.answer && isRefusal(first.answer); first = queue[0])
      this.#decide(first, first.answer, decided, step);
    // One that is refused does not overtake those before it: it may be the same message.
    const open = queue.findIndex(({ answer }) => !answer || isRefusal(answer));
    const granted = queue.slice(0, open < 0 ? queue.length : open);
    if (granted.length > 0) this.#lookAt(sender, granted, step.out);
  }

  #lookAt(sender: string, granted: readonly Waiting[], out: Effects): void {
    this.#lookedAt.add(sender);
    const room = this.#room;
    const of = granted.map(({ by, since }): Kept => ({ ...by.origin, user: sender, room, since }));
    const context: GateContext = { for: 'standing', sender, serials: granted.map(({ serial }) => serial) };
    out.ask(SESSIONS, { type: 'lookAgain', of }, { deadlineMs: STANDING_MS, context });
  }

  #known(
    { sender, serials }: StandingContext,
    answer: Answer<readonly StandingNow[]>,
    decided: Continuation[],
    step: Step,
  ): void {
    this.#lookedAt.delete(sender);
    const found = answer.ok ? answer.body : [];
    for (const [at, serial] of serials.entries()) {
      const waiting = this.#bySender.get(sender)?.[0];
      if (waiting?.serial !== serial || !this.#stands(waiting, found[at], decided, step)) break;
    }
  }

  /** False when the application is asked once more. */
  #stands(waiting: Waiting, found: StandingNow | undefined, decided: Continuation[], step: Step): boolean {
    const { by } = waiting;
    if (found?.standing === 'ended') this.#decide(waiting, ENDED, decided, step);
    else if (found?.standing !== 'good') this.#decide(waiting, unavailable(this.#limits), decided, step);
    else {
      const rights = found.rights ?? by;
      const isOther = rights.payload !== by.payload || found.isDoubted;
      const { now } = step.turn;
      waiting.by = { ...by, ...rights };
      if (this.#hooks.first === 'authorize' && isOther && waiting.asker.deadline > now) {
        waiting.answer = undefined;
        waiting.since = now;
        this.#askOf(waiting, 'authorize', step.out);
        return false;
      }
      if (waiting.answer) this.#decide(waiting, waiting.answer, decided, step);
    }
    return true;
  }

  /** The first message of its sender leaves the gate. */
  #decide(waiting: Waiting, answer: HookAnswer, decided: Continuation[], { turn, out }: Step): void {
    const { entry, by, asker } = waiting;
    const queue = this.#bySender.get(entry.sender);
    queue?.shift();
    if (queue?.length === 0) this.#bySender.delete(entry.sender);
    this.#count--;
    this.#size -= sizeOf(entry);
    if (isRefusal(answer)) decided.push({ to: 'refuse', by, sent: { entry, by, asker }, because: answer });
    // The ask has ended as unknown: storing the message now would be a surprise.
    else if (asker.deadline < turn.now) out.reply(asker.replyTo, unavailable(this.#limits));
    else {
      const made = 'content' in answer ? { ...entry, ...answer } : entry;
      decided.push({ to: 'store', by, sent: { entry: made, by, asker } });
    }
  }
}

/** The actor that watches sessions answers from memory. */
const STANDING_MS = 1_000;

function sizeOf({ content, data }: NewEntry): number {
  return content.length + (data?.length ?? 0);
}
