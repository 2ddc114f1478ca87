/**
 * Where every message went, as plain sums (invariant 14):
 * `offered = coalesced + refused + handled + buried + stale + moved + crashed + sent`, and what waits in mailboxes.
 */
export class Letters {
  /** Handed to the runtime, whoever it was for. */
  offered = 0;
  /** Took the place of an older one, which counts as ended. */
  coalesced = 0;
  /** Never came into a mailbox, and its sender was told. */
  refused = 0;
  /** Dead letters. */
  buried = 0;
  handled = 0;
  /** Of a timer that was disarmed meanwhile, or a result for an earlier life. */
  stale = 0;
  /** Waited for an actor that ended, and were offered again. */
  moved = 0;
  /** Left for another node. */
  sent = 0;
  /** Over which an actor crashed, and which were not dead letters. */
  crashed = 0;

  /** Those that must be waiting somewhere. */
  get waiting(): number {
    const unhandled = this.coalesced + this.refused + this.buried + this.stale + this.crashed;
    return this.offered - unhandled - this.handled - this.moved - this.sent;
  }
}
