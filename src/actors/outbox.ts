import type { Channel } from '../protocol/channels.ts';
import type { Address, Effect, Lane, ReplyTo } from '../runtime/ports/actor.ts';
import type { Incarnation } from '../runtime/ports/placement.ts';
import { relayAddress, type Publication } from './messages.ts';

/** Collects the effects of one step, in order. It does nothing itself: the runtime carries them out after the step. */
export class Outbox {
  readonly effects: Effect[] = [];

  add(effect: Effect): void {
    this.effects.push(effect);
  }

  tell<Message>(to: Address<Message>, message: Message, lane: Lane = 'system'): void {
    this.effects.push({ type: 'tell', to, message, lane, key: undefined });
  }

  /** A message that only matters until the next one of the same key. */
  tellLatest<Message>(to: Address<Message>, message: Message, key: string): void {
    this.effects.push({ type: 'tell', to, message, lane: 'latest', key });
  }

  ask<Message>(
    to: Address<Message>,
    message: Message,
    options: { deadlineMs: number; context: unknown; lane?: Lane },
  ): void {
    const { deadlineMs, context, lane = 'system' } = options;
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

  /** To the relays of a channel on these nodes. */
  publish(channel: Channel, nodes: Iterable<Incarnation>, message: Publication): void {
    this.effects.push({ type: 'publish', to: relayAddress(channel), nodes: [...nodes], message });
  }

  count(counter: string, by = 1): void {
    this.effects.push({ type: 'count', counter, by });
  }
}
