import type { Answer, Turn } from '../../runtime/ports/actor.ts';
import type { HookName, HookQuestion } from '../../runtime/ports/hooks.ts';
import type { NewEntry } from '../../runtime/ports/log-store.ts';
import { HOOK_SLACK_MS, HOOKS, type HookAnswer } from '../hooks/hooks.ts';
import { isRefusal, type Refusal, type Sender } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import { ENDED, SESSIONS, type Kept, type StandingNow } from '../services.ts';
import type { LedgerLimits } from './ledger-limits.ts';
import type { Sent } from './pending.ts';

export type VettingContext =
  | { readonly for: 'vetted'; readonly serial: number; readonly hook: HookName }
  /** How those stand by now who have sent these. */
  | { readonly for: 'standing'; readonly sender: string; readonly serials: readonly number[] };

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

export interface VettingParts {
  readonly room: string;
  readonly asked: AskedOfMessages;
  /** As many may wait as may be under way to the log. */
  readonly limits: LedgerLimits;
  readonly unavailable: () => Refusal;
  /** What becomes of a message of which the application has spoken. */
  readonly accept: (sent: Sent, turn: Turn, out: Outbox) => void;
  readonly refuse: (sent: Sent, refusal: Refusal, turn: Turn, out: Outbox) => void;
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
export class Vetting {
  readonly #parts: VettingParts;
  readonly #asked = new Map<number, Waiting>();
  /** In the order sent. */
  readonly #bySender = new Map<string, Waiting[]>();
  /** Senders of whom it is asked how they stand. */
  readonly #lookedAt = new Set<string>();
  #count = 0;
  #size = 0;
  #lastSerial = 0;

  constructor(parts: VettingParts) {
    this.#parts = parts;
  }

  /** Something that was taken waits for a word. */
  get isBusy(): boolean {
    return this.#count > 0;
  }

  /** A message of this sender under this id waits: nobody knows yet whether it will be stored. */
  awaits({ sender, id }: NewEntry): boolean {
    return this.#bySender.get(sender)?.some(({ entry }) => entry.id === id) === true;
  }

  ask(sent: Sent, turn: Turn, out: Outbox): void {
    const { limits, unavailable, asked } = this.#parts;
    const { sender: user } = sent.entry;
    if (this.#count >= limits.pendingMax || this.#size + sizeOf(sent.entry) > limits.pendingSizeMax)
      return out.reply(sent.asker.replyTo, unavailable());
    this.#count++;
    this.#size += sizeOf(sent.entry);
    const serial = ++this.#lastSerial;
    const waiting: Waiting = { ...sent, serial, since: turn.now, made: undefined, answer: undefined };
    const queue = this.#bySender.get(user);
    if (queue) queue.push(waiting);
    else this.#bySender.set(user, [waiting]);
    this.#askOf(waiting, asked.first, out);
  }

  #askOf(waiting: Waiting, hook: HookName, out: Outbox): void {
    const { room, asked } = this.#parts;
    const { entry, by, serial } = waiting;
    const { id, sender: user, content, data } = entry;
    const question: HookQuestion =
      hook === 'authorize'
        ? { hook, user, claims: by.payload ?? '{}', action: 'send', room }
        : { hook, user, room, id, content, data };
    const context: VettingContext = { for: 'vetted', serial, hook };
    this.#asked.set(serial, waiting);
    out.ask(HOOKS, { type: 'question', question }, { deadlineMs: asked.hookMs + HOOK_SLACK_MS, context });
  }

  answered(context: VettingContext, answer: Answer<unknown>, turn: Turn, out: Outbox): void {
    if (context.for === 'standing') return this.#known(context, answer, turn, out);
    const waiting = this.#asked.get(context.serial);
    if (!waiting) return;
    this.#asked.delete(context.serial);
    const said = answer.ok ? (answer.body as HookAnswer) : this.#parts.unavailable();
    const { second } = this.#parts.asked;
    if (context.hook === 'beforeMessage') waiting.made = said;
    else if (!isRefusal(said) && !waiting.made && second) return this.#askOf(waiting, second, out);
    waiting.answer = isRefusal(said) ? said : (waiting.made ?? said);
    this.#goOn(waiting.entry.sender, turn, out);
  }

  /** What is decided goes on, up to the first of the sender's that is not. */
  #goOn(sender: string, turn: Turn, out: Outbox): void {
    const queue = this.#bySender.get(sender);
    if (!queue || this.#lookedAt.has(sender)) return;
    for (let first = queue[0]; first?.answer && isRefusal(first.answer); first = queue[0])
      this.#decide(first, first.answer, turn, out);
    // One that is refused does not overtake those before it: it may be the same message.
    const open = queue.findIndex(({ answer }) => !answer || isRefusal(answer));
    const granted = queue.slice(0, open < 0 ? queue.length : open);
    if (granted.length > 0) this.#lookAt(sender, granted, out);
  }

  #lookAt(sender: string, granted: readonly Waiting[], out: Outbox): void {
    this.#lookedAt.add(sender);
    const { room } = this.#parts;
    const of = granted.map(({ by, since }): Kept => ({ ...by.origin, user: sender, room, since }));
    const context: VettingContext = { for: 'standing', sender, serials: granted.map(({ serial }) => serial) };
    out.ask(SESSIONS, { type: 'lookAgain', of }, { deadlineMs: STANDING_MS, context });
  }

  #known(
    { sender, serials }: VettingContext & { for: 'standing' },
    answer: Answer<unknown>,
    turn: Turn,
    out: Outbox,
  ): void {
    this.#lookedAt.delete(sender);
    const found = answer.ok ? (answer.body as readonly StandingNow[]) : [];
    for (const [at, serial] of serials.entries()) {
      const waiting = this.#bySender.get(sender)?.[0];
      if (waiting?.serial !== serial || !this.#stands(waiting, found[at], turn, out)) break;
    }
    this.#goOn(sender, turn, out);
  }

  /** False when the application is asked once more. */
  #stands(waiting: Waiting, found: StandingNow | undefined, turn: Turn, out: Outbox): boolean {
    const { unavailable, asked } = this.#parts;
    const { by } = waiting;
    if (found?.standing === 'ended') this.#decide(waiting, ENDED, turn, out);
    else if (found?.standing !== 'good') this.#decide(waiting, unavailable(), turn, out);
    else {
      const rights = found.rights ?? by;
      const isOther = rights.payload !== by.payload || found.isDoubted;
      waiting.by = { ...by, ...rights };
      if (asked.first === 'authorize' && isOther && waiting.asker.deadline > turn.now) {
        waiting.answer = undefined;
        waiting.since = turn.now;
        this.#askOf(waiting, 'authorize', out);
        return false;
      }
      if (waiting.answer) this.#decide(waiting, waiting.answer, turn, out);
    }
    return true;
  }

  /** The first of its sender's. */
  #decide(waiting: Waiting, answer: HookAnswer, turn: Turn, out: Outbox): void {
    const { accept, refuse, unavailable } = this.#parts;
    const { entry, by, asker } = waiting;
    const queue = this.#bySender.get(entry.sender);
    queue?.shift();
    if (queue?.length === 0) this.#bySender.delete(entry.sender);
    this.#count--;
    this.#size -= sizeOf(entry);
    if (isRefusal(answer)) return refuse({ entry, by, asker }, answer, turn, out);
    // Who asked has been told that nobody knows: storing it now would come as a surprise.
    if (asker.deadline < turn.now) return out.reply(asker.replyTo, unavailable());
    accept({ entry: 'content' in answer ? { ...entry, ...answer } : entry, by, asker }, turn, out);
  }
}

/** Who watches sessions answers from memory. */
const STANDING_MS = 1_000;

function sizeOf({ content, data }: NewEntry): number {
  return content.length + (data?.length ?? 0);
}
