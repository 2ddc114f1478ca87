import { userChannel, type Channel } from '../../protocol/channels.ts';
import type {
  Address,
  Answer,
  Answered,
  Awaits,
  Behaviour,
  Question,
  TimerFired,
  Turn,
} from '../../runtime/ports/actor.ts';
import type { NewEntry } from '../../runtime/ports/log-store.ts';
import { homeAddress, type Published } from '../messages/home.ts';
import { isRefusal, type Refusal } from '../messages/terms.ts';
import { LOG, type StoreAnswer } from '../messages/log.ts';
import { answerFor } from '../kit/answers.ts';
import { Effects } from '../kit/effects.ts';

export type CanaryMessage =
  | { readonly type: 'start' }
  /** Asked: how it went. */
  | ({ readonly type: 'status' } & Question<CanaryStatus>);

export const CANARY = 'canary' as Address<CanaryMessage>;

export interface CanaryStatus {
  /** How long ago a message went the whole way; undefined: none ever has. */
  readonly provenAgoMs: number | undefined;
  readonly hasLastFailed: boolean;
}

/** Three probes fit into the 15 s for which one of them counts (RS5). */
const EVERY_MS = 5_000;
const DEADLINE_MS = 3_000;

/** Until the node knows where homes live. */
const UNPLACED_MS = 200;

/** Among so many channels there is one whose home lives on the node, unless it has hardly any. */
const CHANNELS_MAX = 256;

/** Ids come round: if nothing could be removed any more, the log would hold this many and no more. */
const IDS = 100;

/**
 * As long as the text that a database keeps within a row: the space that a removed probe leaves is then large enough
 * for any other message. A shorter probe would still fit where no message fits.
 */
const CONTENT = '.'.repeat(1_800);

/** The purpose of an ask: a probe, or the removal of earlier probes, and whether a probe follows at once. */
type Context = Probe | Removal;

interface Probe extends Awaits<Published | Refusal> {
  readonly isRemoval: false;
  readonly channel: Channel;
}

interface Removal extends Awaits<StoreAnswer<'discard'>> {
  readonly isRemoval: true;
  readonly isFollowed: boolean;
}

/**
 * Proves that messages get through (RS5): one of its own goes to its home, into the log and back every 5 s, and is
 * removed. Each is a new one: a repeat of one that is stored writes nothing, and is answered by a store that cannot take
 * anything more. No user can be named like its channel. In a cluster its home lives on this node, if any does: what is proven is
 * this node.
 */
class Canary {
  readonly #isHere: IsHere;
  readonly #sender: string;
  #probes = 0;
  #provenAt: number | undefined;
  #hasLastFailed = false;

  constructor(node: string, isHere: IsHere) {
    this.#sender = `svc:${node}`;
    this.#isHere = isHere;
  }

  get #channel(): Channel {
    const first = userChannel(this.#sender);
    if (this.#isHere(first)) return first;
    for (let at = 1; at < CHANNELS_MAX; at++) {
      const channel = userChannel(`${this.#sender}/${at}`);
      if (this.#isHere(channel)) return channel;
    }
    return first;
  }

  take(message: CanaryMessage | TimerFired | Answered<Context>, turn: Turn): Effects {
    const out = new Effects();
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
        const { context, answer } = message;
        if (!context.isRemoval) this.#answered(context.channel, answerFor(context, answer), turn, out);
        else if (context.isFollowed && isDone(answerFor(context, answer))) this.probe(out);
        break;
      }
    }
    return out;
  }

  #status(now: number): CanaryStatus {
    const provenAgoMs = this.#provenAt === undefined ? undefined : now - this.#provenAt;
    return { provenAgoMs, hasLastFailed: this.#hasLastFailed };
  }

  probe(out: Effects): void {
    const channel = this.#channel;
    const id = `probe-${this.#probes++ % IDS}`;
    const entry: NewEntry = { id, sender: this.#sender, content: CONTENT, data: null, sentAt: null };
    const context: Context = { isRemoval: false, channel };
    out.ask(homeAddress(channel), { type: 'publish', entry, by: null }, { deadlineMs: DEADLINE_MS, context });
    out.arm('probe', EVERY_MS);
  }

  #answered(channel: Channel, answer: Answer<Published | Refusal>, turn: Turn, out: Effects): void {
    if (!answer.ok && answer.reason === 'unplaced') return out.arm('probe', UNPLACED_MS);
    if (!answer.ok || isRefusal(answer.body)) {
      this.#hasLastFailed = true;
      return out.count('probe_failed');
    }
    const { seq, isDuplicate } = answer.body;
    // One that an earlier incarnation of this node has left behind proves nothing. It goes, and the next is written.
    if (!isDuplicate) {
      this.#hasLastFailed = false;
      this.#provenAt = turn.now;
      out.count('probe_passed');
    }
    const request = { call: 'discard', channel, upTo: seq } as const;
    const context: Context = { isRemoval: true, isFollowed: isDuplicate };
    out.ask(LOG, { type: 'call', request }, { deadlineMs: DEADLINE_MS, context });
  }
}

const isDone = (answer: Answer<StoreAnswer<'discard'>>): boolean => answer.ok && answer.body.ok;

/** Whether a channel's home lives on this node. */
type IsHere = (channel: Channel) => boolean;

export function canaryBehaviour(
  node: string,
  isHere: IsHere,
): Behaviour<Canary, CanaryMessage, undefined, Context> {
  return {
    kind: 'canary',
    mailboxMax: 1_024,
    supervision: 'restart',
    placement: 'node',
    start: () => {
      const canary = new Canary(node, isHere);
      const out = new Effects();
      canary.probe(out);
      return [canary, out.effects];
    },
    step: (canary, message, turn) => canary.take(message, turn).effects,
  };
}
