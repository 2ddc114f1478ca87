import type { Answer, Turn } from '../../runtime/ports/actor.ts';
import type { NewEntry } from '../../runtime/ports/log-store.ts';
import { HOOK_SLACK_MS, HOOKS, type HookAnswer } from '../hooks/hooks.ts';
import { isRefusal, type Actor } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import type { Access } from './access.ts';
import type { Ledger, LedgerLimits } from './ledger.ts';
import type { Asker } from './pending.ts';
import type { Refusals } from './refusals.ts';

export interface VettingContext {
  readonly for: 'vetted';
  readonly serial: number;
}

interface Sent {
  readonly entry: NewEntry;
  readonly by: Actor;
  readonly asker: Asker;
}

interface Waiting extends Sent {
  /** What the application said; undefined until it is known. */
  answer: HookAnswer | undefined;
}

export interface VettingParts {
  readonly room: string;
  /** How long the application may take. */
  readonly hookMs: number;
  readonly access: Access;
  readonly ledger: Ledger;
  readonly refusals: Refusals;
  /** As many may wait as may be under way to the log. */
  readonly limits: LedgerLimits;
}

/**
 * The messages of a room that wait for the application's word (`beforeMessage`).
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

  ask(sent: Sent, out: Outbox): void {
    const { room, hookMs, limits, ledger } = this.#parts;
    const { id, sender: user, content, data } = sent.entry;
    if (this.#count >= limits.pendingMax || this.#size + sizeOf(sent.entry) > limits.pendingSizeMax)
      return out.reply(sent.asker.replyTo, ledger.unavailable());
    this.#count++;
    this.#size += sizeOf(sent.entry);
    const serial = ++this.#lastSerial;
    const waiting: Waiting = { ...sent, answer: undefined };
    this.#asked.set(serial, waiting);
    const queue = this.#bySender.get(user);
    if (queue) queue.push(waiting);
    else this.#bySender.set(user, [waiting]);
    const question = { hook: 'beforeMessage', user, room, id, content, data } as const;
    const context: VettingContext = { for: 'vetted', serial };
    out.ask(HOOKS, { type: 'question', question }, { deadlineMs: hookMs + HOOK_SLACK_MS, context });
  }

  answered(context: VettingContext, answer: Answer<unknown>, turn: Turn, out: Outbox): void {
    const waiting = this.#asked.get(context.serial);
    if (!waiting) return;
    this.#asked.delete(context.serial);
    waiting.answer = answer.ok ? (answer.body as HookAnswer) : this.#parts.ledger.unavailable();
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
    this.#release(sent);
    if (isRefusal(answer)) this.#parts.refusals.refuse(sent, answer, turn, out);
    else if ('content' in answer) this.#append({ ...sent, entry: { ...sent.entry, ...answer } }, turn, out);
  }

  #release({ entry }: Sent): void {
    this.#count--;
    this.#size -= sizeOf(entry);
  }

  /** Rights may have been lost meanwhile, and the room with them. */
  #append({ entry, by, asker }: Sent, turn: Turn, out: Outbox): void {
    const { access, ledger, refusals } = this.#parts;
    // Who asked has been told that nobody knows: storing it now would come as a surprise.
    if (asker.deadline < turn.now) return out.reply(asker.replyTo, ledger.unavailable());
    access.check(by, turn, out, (refusal, at, later) => {
      if (refusal) refusals.refuse({ entry, asker }, refusal, at, later);
      else ledger.append(entry, asker, at, later);
    });
  }
}

function sizeOf({ content, data }: NewEntry): number {
  return content.length + (data?.length ?? 0);
}
