import { CodecError, fromText, toText } from '../codec.ts';
import { frameText, readFrame, type Frame } from './frame.ts';
import { IncomingLink } from './incoming-link.ts';
import { OutgoingLink, type Numbered } from './outgoing-link.ts';
import type { Bus, BusEvents, RemoteMessage } from '../../runtime/ports/bus.ts';
import type { Carrier, Sealer } from '../../runtime/ports/carrier.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import type { Telemetry } from '../../runtime/ports/telemetry.ts';

/** The same trouble is logged once in this time. */
const LOG_EVERY_MS = 60_000;

/** A link has fewer lives than this. */
const LIVES = 100_000;

/** For so long a process without a lease may be one that has just started. */
const STRANGER_MS = 5_000;

/** Why a text in the inbox was not taken. */
type Refused = 'forged' | 'malformed' | 'version' | 'misdirected' | 'unknown';

const WHY: Readonly<Record<Refused, string>> = {
  forged: 'a text in the inbox of this node was not sealed with its VAGUS_CLUSTER_SECRET',
  malformed: 'a node sent what this version cannot read',
  version: 'a node speaks another version of the language between nodes',
  misdirected: 'a text in the inbox of this node was for another process',
  unknown: 'a node without a living lease in the database of this node has sent something',
};

interface Parts {
  readonly self: Incarnation;
  readonly carrier: Carrier;
  readonly sealer: Sealer;
  readonly now: () => number;
  readonly telemetry: Telemetry;
}

/**
 * The bus of a node of a cluster: a link to and from each peer, over a carrier that may lose (D13).
 *
 * - A process whose lease the node does not know is no peer yet. Its link publishes again what was not taken.
 * - While the carrier does not even bring back what this node sends to itself, there is no way to any peer.
 */
export class LinkedBus implements Bus {
  readonly #parts: Parts;
  #events: BusEvents | undefined;
  readonly #outgoing = new Map<Incarnation, OutgoingLink>();
  readonly #incoming = new Map<Incarnation, IncomingLink>();
  #peers: ReadonlySet<Incarnation> = new Set();
  /** A view may name a process that no look has shown: the link to it is forgotten, and the peer may have taken frames of it. */
  #forgotten = 0;
  readonly #touched = new Set<Incarnation>();
  readonly #loggedAt = new Map<Refused, number>();
  #stranger: { readonly from: Incarnation; readonly since: number } | undefined;
  /** Undefined until the first tick. */
  #wasUp: boolean | undefined;
  /** A publication to many peers is one message, whose text is made once. */
  #last: { readonly message: RemoteMessage; readonly text: string } | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  connect(events: BusEvents): void {
    this.#events = events;
    this.#parts.carrier.connect({
      received: (text) => this.#received(text),
      tick: () => this.#tick(),
    });
  }

  know(peers: readonly Incarnation[]): void {
    this.#peers = new Set(peers);
    for (const links of [this.#outgoing, this.#incoming])
      for (const peer of links.keys()) if (!this.#peers.has(peer) && links.delete(peer)) this.#forgotten++;
  }

  send(peer: Incarnation, message: RemoteMessage): boolean {
    if (peer === this.#parts.self) return false;
    const link = this.#linkTo(peer);
    // A tell may wait, and must not be missing behind an ask that waits already. An asker should hear at once.
    const mayWait = message.type === 'envelope' && message.isTell;
    if (!this.#parts.carrier.isUp && !mayWait) {
      link.lose();
      return false;
    }
    this.#touched.add(peer);
    return link.add(this.#textOf(message), this.#parts.now());
  }

  flush(): void {
    for (const peer of this.#touched) this.#pump(peer);
    this.#touched.clear();
    this.#last = undefined;
  }

  #textOf(message: RemoteMessage): string {
    if (this.#last?.message !== message) this.#last = { message, text: toText(message) };
    return this.#last.text;
  }

  // --- what goes

  #linkTo(peer: Incarnation): OutgoingLink {
    let link = this.#outgoing.get(peer);
    if (!link) this.#outgoing.set(peer, (link = new OutgoingLink(1 + this.#forgotten * LIVES)));
    return link;
  }

  #pump(peer: Incarnation): void {
    const { carrier, now } = this.#parts;
    const link = this.#outgoing.get(peer);
    if (!link || link.isUnderWay || !carrier.isUp) return;
    const frame = link.next(now());
    if (!frame) return;
    link.isUnderWay = true;
    this.#publish(peer, frame, () => {
      link.isUnderWay = false;
      if (this.#outgoing.get(peer) === link) this.#pump(peer);
    });
  }

  #publish(to: Incarnation, { life, number, isLossy, lines }: Numbered, done: () => void): void {
    const { self: from, carrier, sealer } = this.#parts;
    const incoming = this.#incoming.get(to);
    const receipt = incoming?.receipt ?? { life: 0, upTo: 0, isMissing: false };
    if (incoming) incoming.isReceiptDue = false;
    const text = frameText({ from, to, life, number, isLossy, receipt, lines });
    carrier.publish(to, sealer.seal(text), done);
  }

  #sendReceipt(to: Incarnation): void {
    this.#publish(to, { life: 0, number: 0, isLossy: false, lines: [] }, () => {});
  }

  // --- what comes

  #received(text: string): void {
    const { sealer, self } = this.#parts;
    const opened = sealer.open(text);
    if (opened === undefined) return this.#refuse('forged');
    const frame = readFrame(opened);
    if (typeof frame === 'string') return this.#refuse(frame);
    if (frame.to !== self) return this.#refuse('misdirected');
    if (!this.#peers.has(frame.from)) return this.#refuseStranger(frame.from);
    this.#take(frame);
  }

  #take(frame: Frame): void {
    const { from, receipt } = frame;
    const { now } = this.#parts;
    if (receipt.life > 0) {
      const hasLearned = this.#outgoing.get(from)?.receipt(receipt, now()) ?? false;
      if (hasLearned) this.#events?.lost(from);
      this.#pump(from);
    }
    let link = this.#incoming.get(from);
    if (!link) this.#incoming.set(from, (link = new IncomingLink()));
    const { lines, isHole, isFirstEarly } = link.take(frame);
    if (isFirstEarly) this.#sendReceipt(from);
    const batch = this.#messagesOf(lines);
    if (isHole || batch.length < lines.length) {
      this.#parts.telemetry.count('link_holes', 1);
      this.#events?.hole(from);
    }
    if (batch.length > 0) this.#events?.received(from, batch);
  }

  #messagesOf(lines: readonly string[]): RemoteMessage[] {
    const batch: RemoteMessage[] = [];
    for (const line of lines) {
      try {
        batch.push(fromText(line));
      } catch (error) {
        if (!(error instanceof CodecError)) throw error;
        this.#refuse('malformed', { message: error.message });
      }
    }
    return batch;
  }

  /** A node that has just started may speak before its lease has been seen. */
  #refuseStranger(from: Incarnation): void {
    const { now, telemetry } = this.#parts;
    if (this.#stranger?.from !== from) this.#stranger = { from, since: now() };
    if (now() - this.#stranger.since >= STRANGER_MS) this.#refuse('unknown', { from });
    else telemetry.count('link_refused_unknown', 1);
  }

  #refuse(why: Refused, details: Readonly<Record<string, unknown>> = {}): void {
    const { telemetry, now } = this.#parts;
    telemetry.count(`link_refused_${why}`, 1);
    if (now() - (this.#loggedAt.get(why) ?? -Infinity) < LOG_EVERY_MS) return;
    this.#loggedAt.set(why, now());
    telemetry.log('warn', WHY[why], details);
  }

  // --- time

  #tick(): void {
    const { carrier, now, telemetry } = this.#parts;
    if (carrier.isUp !== this.#wasUp) {
      this.#wasUp = carrier.isUp;
      this.#events?.heard(carrier.isUp);
    }
    for (const [peer, link] of this.#outgoing) {
      if (link.tick(now())) {
        telemetry.count('link_given_up', 1);
        this.#events?.gaveUp(peer);
      }
      // A message that has not been flushed waits for the rest of its batch.
      if (!this.#touched.has(peer)) this.#pump(peer);
    }
    for (const [peer, link] of this.#incoming) if (link.isReceiptDue) this.#sendReceipt(peer);
  }
}
