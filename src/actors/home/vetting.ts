import type { Answer, Turn } from '../../runtime/ports/actor.ts';
import type { HookName, HookQuestion } from '../../runtime/ports/hooks.ts';
import type { NewEntry } from '../../runtime/ports/log-store.ts';
import { HOOK_SLACK_MS, HOOKS, type HookAnswer } from '../hooks/hooks.ts';
import { isRefusal, type Refusal } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import type { LedgerLimits } from './ledger-limits.ts';
import type { Sent } from './pending.ts';

export interface VettingContext {
  readonly for: 'vetted';
  readonly serial: number;
  readonly hook: HookName;
}

interface Waiting extends Sent {
  /** What the application said; undefined until it is known. */
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
 * All are asked about at once. What a user has sent goes on in the order sent, however late an answer (DG7); users do
 * not wait for each other.
 */
export class Vetting {
  readonly #parts: VettingParts;
  readonly #asked = new Map<number, Waiting>();
  /** In the order sent. */
  readonly #bySender = new Map<string, Waiting[]>();
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

  ask(sent: Sent, out: Outbox): void {
    const { limits, unavailable } = this.#parts;
    const { sender: user } = sent.entry;
    if (this.#count >= limits.pendingMax || this.#size + sizeOf(sent.entry) > limits.pendingSizeMax)
      return out.reply(sent.asker.replyTo, unavailable());
    this.#count++;
    this.#size += sizeOf(sent.entry);
    const serial = ++this.#lastSerial;
    const waiting: Waiting = { ...sent, answer: undefined };
    this.#asked.set(serial, waiting);
    const queue = this.#bySender.get(user);
    if (queue) queue.push(waiting);
    else this.#bySender.set(user, [waiting]);
    this.#askOf(waiting, serial, this.#parts.asked.first, out);
  }

  #askOf(waiting: Waiting, serial: number, hook: HookName, out: Outbox): void {
    const { room, asked } = this.#parts;
    const { entry, by } = waiting;
    const { id, sender: user, content, data } = entry;
    const question: HookQuestion =
      hook === 'authorize'
        ? { hook, user, claims: by.payload ?? '{}', action: 'send', room }
        : { hook, user, room, id, content, data };
    const context: VettingContext = { for: 'vetted', serial, hook };
    out.ask(HOOKS, { type: 'question', question }, { deadlineMs: asked.hookMs + HOOK_SLACK_MS, context });
  }

  answered(context: VettingContext, answer: Answer<unknown>, turn: Turn, out: Outbox): void {
    const waiting = this.#asked.get(context.serial);
    if (!waiting) return;
    const said = answer.ok ? (answer.body as HookAnswer) : this.#parts.unavailable();
    const { second } = this.#parts.asked;
    const hasMore = context.hook !== second && second !== undefined;
    if (!isRefusal(said) && hasMore) return this.#askOf(waiting, context.serial, second, out);
    this.#asked.delete(context.serial);
    waiting.answer = said;
    this.#goOn(waiting.entry.sender, turn, out);
  }

  /** What is decided goes on, up to the first of the sender's that is not. */
  #goOn(sender: string, turn: Turn, out: Outbox): void {
    const queue = this.#bySender.get(sender) ?? [];
    const open = queue.findIndex(({ answer }) => answer === undefined);
    const decided = queue.splice(0, open < 0 ? queue.length : open);
    if (queue.length === 0) this.#bySender.delete(sender);
    for (const { answer, ...sent } of decided) {
      if (answer) this.#decide(sent, answer, turn, out);
    }
  }

  #decide(sent: Sent, answer: HookAnswer, turn: Turn, out: Outbox): void {
    const { accept, refuse, unavailable } = this.#parts;
    this.#count--;
    this.#size -= sizeOf(sent.entry);
    if (isRefusal(answer)) return refuse(sent, answer, turn, out);
    // Who asked has been told that nobody knows: storing it now would come as a surprise.
    if (sent.asker.deadline < turn.now) return out.reply(sent.asker.replyTo, unavailable());
    accept('content' in answer ? { ...sent, entry: { ...sent.entry, ...answer } } : sent, turn, out);
  }
}

function sizeOf({ content, data }: NewEntry): number {
  return content.length + (data?.length ?? 0);
}
