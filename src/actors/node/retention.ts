import type { ChannelKind } from '../../protocol/channels.ts';
import type { Address, Answered, Awaits, Behaviour, TimerFired } from '../../runtime/ports/actor.ts';
import { LOG, type StoreAnswer } from '../messages/log.ts';
import { Effects } from '../kit/effects.ts';

export type RetentionMessage = { readonly type: 'start' };

export const RETENTION = 'retention' as Address<RetentionMessage>;

export interface RetentionOptions {
  /** How long messages are kept, by kind of channel, in milliseconds; 0: for ever (LM10). */
  readonly keepMs: Readonly<Record<ChannelKind, number>>;
  readonly deadlineMs: number;
}

/** Channels that one call looks at, and messages that it removes: some 100 ms of work. */
const CHANNELS = 512;
const ENTRIES = 5_000;

/** The pause between two calls: removal must not keep the store busy. */
const PAUSE_MS = 100;

/** A message may stay this much longer than it is kept: a tenth, but never more than an hour. */
const LATER = 0.1;
const ROUND_MAX_MS = 3_600_000;
const ROUND_MIN_MS = 1_000;

interface Place {
  readonly kind: ChannelKind;
  /** The channel behind which to go on; null: from the beginning. */
  readonly after: string | null;
}

type SliceContext = Awaits<StoreAnswer<'prune'>>;

const SLICE: SliceContext = {};

/** Removes what is kept no longer (LM10): in the background, a bounded slice at a time, kind by kind. */
class Retention {
  readonly #options: RetentionOptions;
  readonly #kinds: readonly ChannelKind[];
  #place: Place | undefined;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#kinds = (['broadcast', 'user', 'room'] as const).filter((kind) => options.keepMs[kind] > 0);
  }

  /** From one round to the next, as short as the shortest retention needs. */
  get roundMs(): number {
    const shortest = Math.min(...this.#kinds.map((kind) => this.#options.keepMs[kind]));
    return Math.min(ROUND_MAX_MS, Math.max(ROUND_MIN_MS, shortest * LATER));
  }

  take(message: RetentionMessage | TimerFired | Answered<SliceContext>): Effects {
    const out = new Effects();
    if (message.type === 'timer') this.#slice(out);
    if (message.type === 'answer') this.#sliced(message.answer, out);
    return out;
  }

  #slice(out: Effects): void {
    const [first] = this.#kinds;
    this.#place ??= first && { kind: first, after: null };
    if (!this.#place) return;
    const { kind, after } = this.#place;
    const keepMs = this.#options.keepMs[kind];
    const request = { call: 'prune', kind, keepMs, after, channels: CHANNELS, entries: ENTRIES } as const;
    out.ask(LOG, { type: 'call', request }, { deadlineMs: this.#options.deadlineMs, context: SLICE });
  }

  /** A slice that failed is tried again with the next round: what it would have removed is still there. */
  #sliced(answer: Answered<SliceContext>['answer'], out: Effects): void {
    const done = answer.ok && answer.body.ok ? answer.body.value : undefined;
    if (!done || !this.#place) return out.arm('slice', this.roundMs);
    if (done.removed > 0) out.count('messages_pruned', done.removed);
    this.#place = this.#following(this.#place.kind, done.next);
    out.arm('slice', this.#place ? PAUSE_MS : this.roundMs);
  }

  #following(kind: ChannelKind, next: string | null): Place | undefined {
    if (next !== null) return { kind, after: next };
    const following = this.#kinds[this.#kinds.indexOf(kind) + 1];
    return following && { kind: following, after: null };
  }
}

export function retentionBehaviour(
  options: RetentionOptions,
): Behaviour<Retention, RetentionMessage, undefined, SliceContext> {
  return {
    kind: 'retention',
    mailboxMax: 16,
    supervision: 'restart',
    placement: 'node',
    start: () => {
      const retention = new Retention(options);
      const out = new Effects();
      out.arm('slice', retention.roundMs);
      return [retention, out.effects];
    },
    step: (retention, message) => retention.take(message).effects,
  };
}
