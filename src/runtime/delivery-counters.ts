/**
 * The fate of every message, as sums (invariant 14): `offered` equals `coalesced + refused + handled + buried + stale +
 * moved + crashed + sent` and the messages that wait in mailboxes.
 */
export class DeliveryCounters {
  /** Passed to the runtime, for any actor. */
  offered = 0;
  /** A newer message took the place of this older one, which counts as ended. */
  coalesced = 0;
  /** Never reached a mailbox. The runtime told the sender. */
  refused = 0;
  /** Dead letters. */
  buried = 0;
  handled = 0;
  /** For a timer that was disarmed meanwhile, or a result for an earlier generation. */
  stale = 0;
  /** Waited for an actor that ended. The runtime offered it again. */
  moved = 0;
  /** Left for another node. */
  sent = 0;
  /** An actor crashed while handling it, and it did not become a dead letter. */
  crashed = 0;

  /** The messages that must be waiting in mailboxes. */
  get waiting(): number {
    const unhandled = this.coalesced + this.refused + this.buried + this.stale + this.crashed;
    return this.offered - unhandled - this.handled - this.moved - this.sent;
  }
}
