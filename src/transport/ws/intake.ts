import type { WebSocket } from 'ws';
import { InboundBudget, type InboundLimits } from '../../limits/inbound-budget.ts';
import { FrameScan } from './frame-scan.ts';

/** A budget of what a client may send beside its requests (LM11). */
export type Overrun = 'control_frames' | 'fragments' | 'unfinished' | 'bytes' | 'frames';

/** Why a socket is not read: it goes on when none of them holds. */
const PAUSES = { crowd: 1, bytes: 2, over: 4 } as const;

type Pause = keyof typeof PAUSES;

/** What one client sends, before anybody understands it: counted, and when it is too much not read. */
export class Intake {
  readonly number: number;
  readonly #ws: WebSocket;
  readonly #limits: InboundLimits;
  readonly #budget: InboundBudget;
  readonly #scan = new FrameScan();
  #pauses = 0;
  #isListening = false;
  #heardAt = -Infinity;
  /** When the message under way began, or we last kept it waiting ourselves. */
  #beganAt = 0;

  constructor(number: number, ws: WebSocket, limits: InboundLimits) {
    this.number = number;
    this.#ws = ws;
    this.#limits = limits;
    this.#budget = new InboundBudget(limits);
  }

  /** The last ping or pong that counted. */
  get heardAt(): number {
    return this.#heardAt;
  }

  get isWhole(): boolean {
    return this.#scan.isWhole;
  }

  get isAbused(): boolean {
    return this.#budget.isAbused;
  }

  /** Bytes as they come; which budget they are over, if one. Over `bytes` it is not read for a while. */
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

  /** One ping or pong; `awaited` when somebody listens for it. */
  control(now: number): 'counted' | 'awaited' | 'over' {
    if (!this.#budget.control(now)) return 'over';
    this.#heardAt = now;
    const isAwaited = this.#isListening;
    this.#isListening = false;
    return isAwaited ? 'awaited' : 'counted';
  }

  /** A frame found no room with those that wait. */
  crowded(now: number): void {
    this.#budget.crowded(now);
  }

  /** True when there was a sign after `since` already; else the next one is `awaited`. */
  listen(since: number): boolean {
    this.#isListening = this.#heardAt <= since;
    return !this.#isListening;
  }

  /** How long the message under way has taken. What we do not read ourselves takes no time. */
  unfinishedMs(now: number): number {
    if (this.#pauses !== 0) this.#beganAt = now;
    return now - this.#beganAt;
  }

  /** False when it was paused for that already. */
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

  /** Reads nothing any more; false when that was so already. */
  stop(): boolean {
    return this.pauseFor('over');
  }
}

/** How often messages that are not whole are looked at. */
const LOOK_EVERY_MS = 1_000;

/** Looks after messages that do not become whole: one timer for all of them, and none while there are none. */
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
