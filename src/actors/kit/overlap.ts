import type { Answered, Awaits, Behaviour, TimerFired } from '../../runtime/ports/actor.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import { LOG, type StoreAnswer } from '../messages/log.ts';
import type { RelayMessage } from '../messages/relay.ts';
import { Effects } from './effects.ts';
import { LEASE, type OverlapMessage } from '../messages/node.ts';

export interface OverlapOptions {
  /** The node whose relays hear of it. */
  readonly incarnation: Incarnation;
  readonly deadlineMs: number;
}

/** From one read to the next (D13). */
const EVERY_MS = 2_000;

/** A statement may commit this much later than the time of storing that it bears: its own timeout and its caller's (D13). */
const MARGIN_MS = 8_000;

/** A read that would go back further than this is not made: each relay reads its own head instead. */
const BACK_MAX_MS = 60_000;

type ReadContext = Awaits<StoreAnswer<'moved'>>;

const READ: ReadContext = {};

/**
 * Other processes on the database do not tell this one what they store. While there is one, a read every 2 s says which
 * channels have moved, and their relays get the new heads (D13). One statement, by what was stored lately and not by
 * how many channels there are.
 */
class Overlap {
  readonly #options: OverlapOptions;
  /** There were others at the last report. */
  #hasPeers = false;
  /** Reads that follow after the last peer is gone: statements that it has sent may still be stored. */
  #readsLeft = 0;
  #isReading = false;
  /** The database's time up to which everything is known, but for the margin; null: from now on. */
  #since: number | null = null;

  constructor(options: OverlapOptions) {
    this.#options = options;
  }

  take(message: OverlapMessage | TimerFired | Answered<ReadContext>): Effects {
    const out = new Effects();
    switch (message.type) {
      case 'peersChanged':
        this.#peersChanged(message, out);
        break;
      case 'timer':
        this.#read(out);
        break;
      case 'answer':
        this.#moved(message.answer, out);
        break;
    }
    return out;
  }

  #peersChanged({ peers, aloneAt }: OverlapMessage, out: Effects): void {
    const wasIdle = !this.#hasPeers && this.#readsLeft === 0;
    this.#hasPeers = peers.length > 0;
    if (wasIdle && !this.#hasPeers) return;
    this.#readsLeft = Math.ceil(MARGIN_MS / EVERY_MS) + 1;
    if (!wasIdle) return;
    this.#since = aloneAt;
    this.#read(out);
  }

  #read(out: Effects): void {
    if (!this.#hasPeers && this.#readsLeft === 0) return;
    if (!this.#hasPeers) this.#readsLeft--;
    out.arm('read', EVERY_MS);
    if (this.#isReading) return;
    this.#isReading = true;
    const request = {
      call: 'moved',
      since: this.#since,
      marginMs: MARGIN_MS,
      backMaxMs: BACK_MAX_MS,
    } as const;
    out.count('overlap_reads');
    out.ask(LOG, { type: 'call', request }, { deadlineMs: this.#options.deadlineMs, context: READ });
  }

  /** A read that failed is repeated from its own start. */
  #moved(answer: Answered<ReadContext>['answer'], out: Effects): void {
    this.#isReading = false;
    if (!answer.ok || !answer.body.ok) return;
    const { at, heads } = answer.body.value;
    this.#since = at;
    if (heads === null) {
      const recheck: RelayMessage = { type: 'logMoved' };
      return out.add({ type: 'tellLocalKind', kind: 'relay', message: recheck });
    }
    for (const [channel, head] of heads)
      out.publish(channel, [this.#options.incarnation], { type: 'head', head });
  }
}

export function overlapBehaviour(
  options: OverlapOptions,
): Behaviour<Overlap, OverlapMessage, undefined, ReadContext> {
  return {
    kind: 'overlap',
    mailboxMax: 64,
    supervision: 'restart',
    placement: 'node',
    // The lease reports the peers again.
    start: ({ restarted }) => {
      const out = new Effects();
      if (restarted) out.tell(LEASE, { type: 'sayPeers' });
      return [new Overlap(options), out.effects];
    },
    step: (overlap, message) => overlap.take(message).effects,
  };
}
