import type { Channel } from '../../protocol/channels.ts';
import type {
  Address,
  AnswerTo,
  ContextFor,
  Effect,
  Lane,
  OnlyKnownFields,
  ReplyTo,
} from '../../runtime/ports/actor.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import type { Invariant } from '../../runtime/ports/telemetry.ts';
import { relayAddress, type Publication } from '../messages/relay.ts';

/** Collects the effects of one step, in order. It does nothing itself: the runtime carries them out after the step. */
export class Effects {
  readonly effects: Effect[] = [];

  add(effect: Effect): void {
    this.effects.push(effect);
  }

  tell<Message>(to: Address<Message>, message: Message, lane?: Lane): void {
    this.effects.push({ type: 'tell', to, message, lane, key: undefined });
  }

  /** A message that only matters until the next one of the same key. */
  tellLatest<Message>(to: Address<Message>, message: Message, key: string): void {
    this.effects.push({ type: 'tell', to, message, lane: 'latest', key });
  }

  /** The context comes back with the answer, so its type names the answer. */
  ask<Message, const Sent extends Message>(
    to: Address<Message>,
    message: Sent & OnlyKnownFields<Message, Sent>,
    options: { deadlineMs: number; context: ContextFor<AnswerTo<Message, Sent>>; lane?: Lane },
  ): void {
    const { deadlineMs, context, lane } = options;
    this.effects.push({ type: 'ask', to, message, lane, deadlineMs, context });
  }

  reply(to: ReplyTo | undefined, body: unknown): void {
    if (to) this.effects.push({ type: 'reply', to, body });
  }

  arm(timer: string, delayMs: number): void {
    this.effects.push({ type: 'arm', timer, delayMs });
  }

  disarm(timer: string): void {
    this.effects.push({ type: 'disarm', timer });
  }

  /** To the relays of a channel on these nodes, or on all that live. */
  publish(
    channel: Channel,
    nodes: ReadonlySet<Incarnation> | readonly Incarnation[] | 'all',
    message: Publication,
  ): void {
    if (message.type === 'published') this.check('entries_contiguous', areContiguous(message.entries));
    const named = nodes === 'all' ? ('all' as const) : [...nodes];
    this.effects.push({ type: 'publish', to: relayAddress(channel), nodes: named, message });
  }

  /**
   * Asserts what must always hold. In production a violation is counted and the step goes on: stopping would lose more. In
   * simulations and tests it is fatal.
   */
  check(invariant: Invariant, holds: boolean): void {
    if (!holds) this.count(`violated_${invariant}`);
  }

  count(counter: string, by = 1): void {
    this.effects.push({ type: 'count', counter, by });
  }
}

/** Whether entries follow one another without a gap. */
function areContiguous(entries: readonly { readonly seq: number }[]): boolean {
  return entries.every(({ seq }, at) => at === 0 || seq === (entries[at - 1]?.seq ?? 0) + 1);
}
