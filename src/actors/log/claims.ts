import type { Channel } from '../../protocol/channels.ts';
import type { ReplyTo } from '../../runtime/ports/actor.ts';
import type { Claimed, ClaimRequest, StoreCalls, StoreReply } from '../../runtime/ports/log-store.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import type { Effects } from '../kit/effects.ts';
import type { Claim } from '../messages/log.ts';
import { answer, FAILED, type StoreCall, type StoreQueue } from './store-queue.ts';

/** Channels of one statement (D6). */
const CHANNELS_MAX = 512;

/** Claims that wait for held rows at once. */
const HELD_IN_FLIGHT = 2;

interface Waiting extends ClaimRequest {
  readonly asker: ReplyTo | undefined;
}

/**
 * Claims on their way into statements (D6): one statement at a time, with all claims that wait. It skips rows that another
 * transaction holds. A claim of one of these goes to a second queue, where each has a statement of its own, which waits
 * for the row: one held row delays one channel.
 */
export class Claims implements StoreQueue {
  readonly inFlightMax: number;
  readonly isWrite = true;
  readonly #incarnation: Incarnation;
  readonly #onClaimed: (channel: Channel, epoch: number) => void;
  /** Undefined for the claims of rows that were held. */
  readonly #held: Claims | undefined;
  #waiting: Waiting[] = [];

  constructor(incarnation: Incarnation, onClaimed: (channel: Channel, epoch: number) => void, waits = false) {
    this.inFlightMax = waits ? HELD_IN_FLIGHT : 1;
    this.#incarnation = incarnation;
    this.#onClaimed = onClaimed;
    this.#held = waits ? undefined : new Claims(incarnation, onClaimed, true);
  }

  /** The queue of the claims that wait for a held row. */
  get others(): readonly StoreQueue[] {
    return this.#held ? [this.#held] : [];
  }

  add({ channel, mode, epoch, shard }: Claim, asker: ReplyTo | undefined): void {
    this.#waiting.push({ channel, mode, epoch, ...(shard === undefined ? {} : { shard }), asker });
  }

  next(): StoreCall | undefined {
    if (this.#waiting.length === 0) return undefined;
    const claims = this.#held ? this.#takeMany() : this.#waiting.splice(0, 1);
    const asked = claims.map(({ asker: _, ...claim }) => claim);
    const skipsHeld = this.#held !== undefined;
    const request = { call: 'claim', owner: this.#incarnation, claims: asked, skipsHeld } as const;
    return { request, settle: (reply, out) => this.#settle(claims, reply, out) };
  }

  /** At most one claim a channel: the second would wait for the first, in the same statement. */
  #takeMany(): readonly Waiting[] {
    const taken = new Map<Channel, Waiting>();
    const later: Waiting[] = [];
    for (const claim of this.#waiting) {
      const isOfKind = (claim.mode === 'create') === (this.#waiting[0]?.mode === 'create');
      if (isOfKind && taken.size < CHANNELS_MAX && !taken.has(claim.channel)) taken.set(claim.channel, claim);
      else later.push(claim);
    }
    this.#waiting = later;
    return [...taken.values()];
  }

  #settle(claims: readonly Waiting[], reply: StoreReply, out: Effects): void {
    for (const claim of claims) {
      const { channel, asker } = claim;
      if (!reply.ok) {
        answer(out, [asker], reply);
        continue;
      }
      const claimed = (reply.value as StoreCalls['claim']['reply']).get(channel);
      if (claimed === 'busy') {
        // Another transaction was faster even after the wait: the home asks again after a pause.
        if (this.#held) this.#held.#waiting.push(claim);
        else answer(out, [asker], FAILED);
        continue;
      }
      if (claimed) this.#onClaimed(channel, claimed.epoch);
      const value: Claimed | 'elsewhere' | null = claimed === null ? 'elsewhere' : (claimed ?? null);
      answer(out, [asker], { ok: true, value });
    }
  }

  refuseAll(out: Effects): void {
    const askers = this.#waiting.map((claim) => claim.asker);
    this.#waiting = [];
    answer(out, askers, FAILED);
  }
}
