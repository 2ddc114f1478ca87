import { userChannel, type Channel } from '../protocol/channels.ts';
import type { Address, Answer, Answered, Behaviour, TimerFired, Turn } from '../runtime/ports/actor.ts';
import type { NewEntry } from '../runtime/ports/log-store.ts';
import { homeAddress, isRefusal, type Published, type Refusal } from './messages.ts';
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

/**
 * Proves that messages get through (RS5): one of its own goes to its home, into the log and back every 5 s.
 * It is the same message each time, so the log keeps it once and grows no further. No user can be named like its channel.
 */
class Canary {
  readonly #channel: Channel;
  readonly #entry: NewEntry;
  #provenAt: number | undefined;
  #hasLastFailed = false;

  constructor(node: string) {
    const sender = `svc:${node}`;
    this.#channel = userChannel(sender);
    this.#entry = { id: 'probe', sender, content: '', data: 'null', sentAt: null };
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
      case 'answer':
        this.#answered(message.answer as Answer<Published | Refusal>, turn, out);
        break;
    }
    return out;
  }

  #status(now: number): CanaryStatus {
    const provenAgoMs = this.#provenAt === undefined ? undefined : now - this.#provenAt;
    return { provenAgoMs, hasLastFailed: this.#hasLastFailed };
  }

  probe(out: Outbox): void {
    const message = { type: 'publish', entry: this.#entry, by: null } as const;
    out.ask(homeAddress(this.#channel), message, { deadlineMs: DEADLINE_MS, context: undefined });
    out.arm('probe', EVERY_MS);
  }

  #answered(answer: Answer<Published | Refusal>, turn: Turn, out: Outbox): void {
    this.#hasLastFailed = !answer.ok || isRefusal(answer.body);
    if (!this.#hasLastFailed) this.#provenAt = turn.now;
    out.count(this.#hasLastFailed ? 'probe_failed' : 'probe_passed');
  }
}

export function canaryBehaviour(node: string): Behaviour<Canary, CanaryMessage> {
  return {
    kind: 'canary',
    mailboxMax: 1_024,
    supervision: 'restart',
    isVirtual: true,
    start: () => {
      const canary = new Canary(node);
      const out = new Outbox();
      canary.probe(out);
      return [canary, out.effects];
    },
    step: (canary, message, turn) => canary.take(message, turn).effects,
  };
}
