import type { Channel } from '../../protocol/channels.ts';
import type { ClaimMode } from '../../runtime/ports/log-store.ts';
import type { Awaits, Lifecycle } from '../../runtime/ports/actor.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import type { Effects } from '../kit/effects.ts';
import type { ClaimReply, StoreAnswer } from '../messages/log.ts';
import { ALIVE } from './home-lifecycle.ts';
import type { Pending } from './pending.ts';
import { retryChart } from './retry.ts';

/** What a channel's writer is doing. Each state has what is valid in it, and nothing else. */
export type WriterState =
  /** The log was asked for the claim. */
  | { readonly is: 'claiming'; readonly mode: ClaimMode }
  /** The home has to prepare: what it knew beside the log may have changed before the claim. */
  | { readonly is: 'claimed' }
  /** The home reads what it needs beside the log. */
  | { readonly is: 'preparing' }
  /** Everything that waited was submitted again. The outcomes decide. */
  | { readonly is: 'settling' }
  /** Nothing is in doubt. A channel without a row is ready too: its first message claims one. */
  | { readonly is: 'ready' }
  /** The next claim comes after a pause. With `needsRow` it makes the channel's row. */
  | { readonly is: 'waiting'; readonly needsRow: boolean }
  /** A deletion is raising the epoch. Its outcome decides about everything that waits. */
  | { readonly is: 'deleting' }
  /** Another home has claimed the channel. The log was asked which of these messages are stored. */
  | { readonly is: 'lookingUp'; readonly doubtful: readonly Pending[] }
  | { readonly is: 'stopped' };

/** A claim under way. Its answer counts as long as the writer is in this very state. */
export type Claiming = Extract<WriterState, { is: 'claiming' }>;

/** What the writer asked the log. */
export type WriterContext = ClaimContext | LookupContext;

interface ClaimContext extends Awaits<ClaimReply> {
  readonly for: 'claim';
  readonly attempt: Claiming;
}

interface LookupContext extends Awaits<StoreAnswer<'lookup'>> {
  readonly for: 'lookup';
}

/** What a writer knows while nothing is under way. */
export interface HibernatedWriter {
  readonly epoch: number;
  readonly head: number;
  readonly lastSerial: number;
  readonly nodes: readonly Incarnation[];
}

/** Its states on its charts then. */
export const HIBERNATED_WRITER: readonly Lifecycle[] = [
  { chart: 'room', state: ALIVE },
  { chart: 'retry', state: retryChart.initial },
];

/** More than a home takes in a millisecond, by far. */
const SERIALS_A_MS = 1_000;

/**
 * What the writer of a new generation of a home knows. No serial is one of an earlier generation: a database that has lost a
 * claim gives its epoch once more (D21), and what is said late of the messages before must find none of these.
 */
export function newWriter(now: number): HibernatedWriter {
  return { epoch: 0, head: 0, lastSerial: Math.floor(now) * SERIALS_A_MS, nodes: [] };
}

/** For those who run the node: acked messages are gone (D21). */
export function tellRewound(channel: Channel, heads: { was: number; head: number }, out: Effects): void {
  out.count('rewinds');
  const details = { channel, ...heads };
  out.add({ type: 'log', level: 'error', event: 'the log has lost its end', details });
}

type Name = WriterState['is'];

/** The states that may follow each state. A deletion may begin in any of them, and so may a passivation. */
const NEXT: Readonly<Record<Name, readonly Name[]>> = {
  claiming: ['claimed', 'settling', 'ready', 'waiting', 'lookingUp', 'deleting', 'stopped'],
  claimed: ['preparing', 'settling', 'ready', 'claiming', 'waiting', 'deleting', 'stopped'],
  preparing: ['claimed', 'settling', 'ready', 'claiming', 'waiting', 'deleting', 'stopped'],
  settling: ['ready', 'waiting', 'deleting', 'stopped'],
  ready: ['claiming', 'claimed', 'deleting', 'stopped'],
  waiting: ['claiming', 'deleting', 'stopped'],
  deleting: ['ready', 'claiming', 'stopped'],
  lookingUp: ['stopped'],
  stopped: [],
};

export function mayFollow(state: WriterState, next: WriterState): boolean {
  return NEXT[state.is].includes(next.is);
}
