import type { Channel } from '../../protocol/channels.ts';
import type { ReplyTo } from '../../runtime/ports/actor.ts';
import type { Claimed, ClaimRequest, StoreCalls, StoreReply } from '../../runtime/ports/log-store.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import type { Effects } from '../kit/effects.ts';
import type { Claim } from '../messages/log.ts';
import { answer, FAILED, type StoreCall, type StoreQueue } from './store-queue.ts';

/** Channels of one statement (D6). */
const CHANNELS_MAX = 512;

interface Waiting extends ClaimRequest {
  readonly asker: ReplyTo | undefined;
}

/** Claims on their way into statements: one statement at a time, with all claims that wait (D6). */
export class Claims implements StoreQueue {
  readonly inFlightMax = 1;
  readonly isWrite = true;
  readonly #incarnation: Incarnation;
  readonly #onClaimed: (channel: Channel, epoch: number) => void;
  #waiting: Waiting[] = [];

  constructor(incarnation: Incarnation, onClaimed: (channel: Channel, epoch: number) => void) {
    this.#incarnation = incarnation;
    this.#onClaimed = onClaimed;
  }

  add({ channel, mode, epoch, shard }: Claim, asker: ReplyTo | undefined): void {
    this.#waiting.push({ channel, mode, epoch, ...(shard === undefined ? {} : { shard }), asker });
  }

  next(): StoreCall | undefined {
    if (this.#waiting.length === 0) return undefined;
    // At most one claim a channel: the second would wait for the first, in the same statement. And of one kind: those
    // that make rows are another statement, and one of two might be carried out without the other.
    const taken = new Map<Channel, Waiting>();
    const later: Waiting[] = [];
    for (const claim of this.#waiting) {
      const isOfKind = (claim.mode === 'create') === (this.#waiting[0]?.mode === 'create');
      if (isOfKind && taken.size < CHANNELS_MAX && !taken.has(claim.channel)) taken.set(claim.channel, claim);
      else later.push(claim);
    }
    this.#waiting = later;
    const claims = [...taken.values()];
    const asked = claims.map(({ asker: _, ...claim }) => claim);
    const request = { call: 'claim', owner: this.#incarnation, claims: asked } as const;
    return { request, settle: (reply, out) => this.#settle(claims, reply, out) };
  }

  #settle(claims: readonly Waiting[], reply: StoreReply, out: Effects): void {
    for (const { channel, asker } of claims) {
      if (!reply.ok) {
        answer(out, [asker], reply);
        continue;
      }
      const claimed = (reply.value as StoreCalls['claim']['reply']).get(channel);
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
