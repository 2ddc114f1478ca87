import type { WebSocket } from 'ws';
import { InboundBudget, type InboundLimits } from '../../limits/inbound-budget.ts';
import { FrameScan } from './frame-scan.ts';

/** A budget of what a client may send beside its requests (LM11). */
export type Overrun = 'control_frames' | 'fragments' | 'unfinished' | 'bytes' | 'frames';

/** Reasons not to read a socket. Reading continues when none holds. */
const PAUSES = { crowd: 1, bytes: 2, over: 4 } as const;

type Pause = keyof typeof PAUSES;

/** Counts the bytes and frames of one client before they are parsed, and stops reading when there are too many. */
export class Intake {
  readonly number: number;
  readonly #ws: WebSocket;
  readonly #limits: InboundLimits;
  readonly #budget: InboundBudget;
  readonly #scan = new FrameScan();
  #pauses = 0;
  #isListening = false;
  #heardAt = -Infinity;
  /** When the current message began, or when the server last stopped pausing it. */
  #beganAt = 0;

  constructor(number: number, ws: WebSocket, limits: InboundLimits) {
    this.number = number;
    this.#ws = ws;
    this.#limits = limits;
    this.#budget = new InboundBudget(limits);
  }

  /** When the last ping or pong counted. */
  get heardAt(): number {
    return this.#heardAt;
  }

  get isWhole(): boolean {
    return this.#scan.isWhole;
  }

  get isAbused(): boolean {
    return this.#budget.isAbused;
  }

  /** Counts bytes as they arrive. Returns the budget that they exceed, if any. Over `bytes` the socket pauses. */
  take(bytes: Uint8Array, now: number): 'fragments' | 'bytes' | undefined {
    if (this.#pauses & PAUSES.over) return undefined;
    const fragments = this.#scan.take(bytes);
    if (this.#scan.wasWhole) this.#beganAt = now;
    const { fragmentsPerMessage } = this.#limits;
    if (fragmentsPerMessage > 0 && fragments > fragmentsPerMessage) return 'fragments';
    const pauseMs = this.#budget.bytes(bytes.length, now);
    if (pauseMs === 0) return undefined;
    if (this.pauseFor('bytes')) setTimeout(() => this.resume('bytes'), pauseMs);
    return 'bytes';
  }

  /** Counts one ping or pong. `awaited` when an actor listens for it. */
  control(now: number): 'counted' | 'awaited' | 'over' {
    if (!this.#budget.control(now)) return 'over';
    this.#heardAt = now;
    const isAwaited = this.#isListening;
    this.#isListening = false;
    return isAwaited ? 'awaited' : 'counted';
  }

  /** A frame found the queue full. */
  crowded(now: number): void {
    this.#budget.crowded(now);
  }

  /** True when there was a sign of life after `since`. Else the next one is `awaited`. */
  listen(since: number): boolean {
    this.#isListening = this.#heardAt <= since;
    return !this.#isListening;
  }

  /** How long the current message has taken, without the server's own pauses. */
  unfinishedMs(now: number): number {
    if (this.#pauses !== 0) this.#beganAt = now;
    return now - this.#beganAt;
  }

  /** False when it is paused for that reason already. */
  pauseFor(why: Pause): boolean {
    const before = this.#pauses;
    this.#pauses |= PAUSES[why];
    if (before === 0) this.#ws.pause();
    return this.#pauses !== before;
  }

  resume(why: Pause): void {
    const before = this.#pauses;
    this.#pauses &= ~PAUSES[why];
    if (before !== 0 && this.#pauses === 0) this.#ws.resume();
  }

  /** Stops reading for good. False when it has stopped already. */
  stop(): boolean {
    return this.pauseFor('over');
  }
}

/** How often the watch looks at incomplete messages. */
const LOOK_EVERY_MS = 1_000;

/** Watches for messages that stay incomplete. All of them share one timer, which runs only while there are any. */
export class IntakeWatch {
  readonly #now: () => number;
  readonly #messageMs: number;
  readonly #onLate: (connection: number) => void;
  readonly #unfinished = new Set<Intake>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    options: { readonly now: () => number; readonly inbound: InboundLimits },
    onLate: (connection: number) => void,
  ) {
    this.#now = options.now;
    this.#messageMs = options.inbound.messageMs;
    this.#onLate = onLate;
  }

  add(intake: Intake): void {
    if (this.#messageMs === 0) return;
    this.#unfinished.add(intake);
    this.#timer ??= setInterval(() => this.#look(), Math.min(LOOK_EVERY_MS, this.#messageMs / 4)).unref();
  }

  delete(intake: Intake): void {
    this.#unfinished.delete(intake);
  }

  #look(): void {
    const now = this.#now();
    for (const intake of this.#unfinished) {
      if (intake.isWhole) this.#unfinished.delete(intake);
      else if (intake.unfinishedMs(now) > this.#messageMs) {
        this.#unfinished.delete(intake);
        this.#onLate(intake.number);
      }
    }
    if (this.#unfinished.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
