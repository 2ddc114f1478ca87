import { userChannel, type Channel } from '../protocol/channels.ts';
import type { Address, Answer, Answered, Behaviour, TimerFired, Turn } from '../runtime/ports/actor.ts';
import type { NewEntry } from '../runtime/ports/log-store.ts';
import { homeAddress, isRefusal, LOG, type LogReply, type Published, type Refusal } from './messages.ts';
import { Outbox } from './outbox.ts';

export type CanaryMessage =
  | { readonly type: 'start' }
  /** Asked: how it went. */
  | { readonly type: 'status' };

export const CANARY = 'canary' as Address<CanaryMessage>;

export interface CanaryStatus {
  /** How long ago a message went the whole way; undefined: none ever has. */
  readonly provenAgoMs: number | undefined;
  readonly hasLastFailed: boolean;
}

/** Three probes fit into the 15 s for which one of them counts (RS5). */
const EVERY_MS = 5_000;
const DEADLINE_MS = 3_000;

/** Ids come round: if nothing could be removed any more, the log would hold this many and no more. */
const IDS = 100;

/**
 * As long as what a database keeps in a row: the place that one of these leaves when it is removed is good for any other
 * message there. One that was shorter would find its own place again where nobody else finds any.
 */
const CONTENT = '.'.repeat(1_800);

/** What an answer is to: a probe, or the removal of what probes have written, and whether one is to follow at once. */
type Context = { readonly isRemoval: false } | { readonly isRemoval: true; readonly isFollowed: boolean };

/**
 * Proves that messages get through (RS5): one of its own goes to its home, into the log and back every 5 s, and is
 * removed. Each is a new one: a repeat of one that is stored writes nothing, and is answered by a store that cannot take
 * anything more. No user can be named like its channel.
 */
class Canary {
  readonly #channel: Channel;
  readonly #sender: string;
  #probes = 0;
  #provenAt: number | undefined;
  #hasLastFailed = false;

  constructor(node: string) {
    this.#sender = `svc:${node}`;
    this.#channel = userChannel(this.#sender);
  }

  take(message: CanaryMessage | TimerFired | Answered, turn: Turn): Outbox {
    const out = new Outbox();
    switch (message.type) {
      case 'start':
        break;
      case 'status':
        out.reply(turn.replyTo, this.#status(turn.now));
        break;
      case 'timer':
        this.probe(out);
        break;
      case 'answer': {
        const context = message.context as Context;
        if (!context.isRemoval) this.#answered(message.answer as Answer<Published | Refusal>, turn, out);
        else if (context.isFollowed && isDone(message.answer as Answer<LogReply<null>>)) this.probe(out);
        break;
      }
    }
    return out;
  }

  #status(now: number): CanaryStatus {
    const provenAgoMs = this.#provenAt === undefined ? undefined : now - this.#provenAt;
    return { provenAgoMs, hasLastFailed: this.#hasLastFailed };
  }

  probe(out: Outbox): void {
    const id = `probe-${this.#probes++ % IDS}`;
    const entry: NewEntry = { id, sender: this.#sender, content: CONTENT, data: null, sentAt: null };
    const context: Context = { isRemoval: false };
    out.ask(
      homeAddress(this.#channel),
      { type: 'publish', entry, by: null },
      { deadlineMs: DEADLINE_MS, context },
    );
    out.arm('probe', EVERY_MS);
  }

  #answered(answer: Answer<Published | Refusal>, turn: Turn, out: Outbox): void {
    if (!answer.ok || isRefusal(answer.body)) {
      this.#hasLastFailed = true;
      return out.count('probe_failed');
    }
    const { seq, isDuplicate } = answer.body;
    // One that an earlier life of this node has left behind proves nothing. It goes, and the next is written.
    if (!isDuplicate) {
      this.#hasLastFailed = false;
      this.#provenAt = turn.now;
      out.count('probe_passed');
    }
    const request = { call: 'discard', channel: this.#channel, upTo: seq } as const;
    const context: Context = { isRemoval: true, isFollowed: isDuplicate };
    out.ask(LOG, { type: 'call', request }, { deadlineMs: DEADLINE_MS, context });
  }
}

const isDone = (answer: Answer<LogReply<null>>): boolean => answer.ok && answer.body.ok;

export function canaryBehaviour(node: string): Behaviour<Canary, CanaryMessage> {
  return {
    kind: 'canary',
    mailboxMax: 1_024,
    supervision: 'restart',
    placement: 'node',
    start: () => {
      const canary = new Canary(node);
      const out = new Outbox();
      canary.probe(out);
      return [canary, out.effects];
    },
    step: (canary, message, turn) => canary.take(message, turn).effects,
  };
}
