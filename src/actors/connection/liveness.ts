import type { Turn } from '../../runtime/ports/actor.ts';
import type { Measured } from '../../runtime/ports/sockets.ts';
import { explore, type ChartEffect, type ChartState } from '../kit/chart.ts';
import type { Effects } from '../kit/effects.ts';
import { connectionMachine } from './connection.machine.ts';
import type { ConnectionContext } from './context.ts';

export const connectionChart = explore(connectionMachine);

/** The connection whose lifecycle it is. */
interface LivenessOwner extends Pick<ConnectionContext, 'options' | 'number'> {
  /** The actions of the chart beside timers. */
  act(action: string, params: Readonly<Record<string, unknown>>, turn: Turn, out: Effects): void;
}

/** A timer that waits for what the socket knows is armed on for so long; the answer comes before. */
const LOOK_MS = 1_000;

/**
 * A connection's lifecycle on the clock (LC2). Traffic touches `lastSeenAt` and no timer: one that comes due
 * is measured against it, and armed again for the rest when something was heard meanwhile (D3).
 *
 * Pings and pongs of the client are no messages: the socket keeps the time of the last one, and is asked before a
 * connection is taken for silent. They speak for the machine. A client whose page has ever sent a heartbeat is judged
 * by its page: by its frames, and by whether it reads on when something waits for it (PU3).
 */
export class Liveness {
  state: ChartState = connectionChart.initial;
  readonly #owner: LivenessOwner;
  #lastSeenAt: number;
  #lastPingAt: number;
  /** When the socket last reported a ping or pong. */
  #heardAt = -Infinity;
  #isPageJudged = false;
  /** How far it had read when something waited for it at the last look; infinite when nothing did. */
  #backlogAt = Infinity;
  /** The timer that is over by the frames alone. */
  #doubted: string | undefined;

  constructor(owner: LivenessOwner, turn: Turn) {
    this.#owner = owner;
    this.#lastSeenAt = turn.now;
    this.#lastPingAt = turn.now;
  }

  begin(turn: Turn, out: Effects): void {
    this.#apply(connectionChart.initialEffects, turn, out);
  }

  get isOpen(): boolean {
    return this.state.tags.has('open');
  }

  /** A frame, or that it reads on. */
  heard(turn: Turn, out: Effects): void {
    this.#seen(turn.now, turn, out);
  }

  /** A ping or pong, after it was listened for. */
  machineHeard(turn: Turn, out: Effects): void {
    if (!this.#isPageJudged) this.#seen(turn.now, turn, out);
  }

  #seen(at: number, turn: Turn, out: Effects): void {
    this.#lastSeenAt = at;
    if (this.state.phase === 'suspect') this.fire('heard', turn, out);
  }

  /** The page sends heartbeats by itself. */
  heartbeat(): void {
    this.#isPageJudged = true;
  }

  /** A protocol ping; and how far it has read until now, to compare with. */
  ping(turn: Turn, out: Effects): void {
    this.#lastPingAt = turn.now;
    out.add({ type: 'ping', connection: this.#owner.number });
    this.#measure(out);
  }

  #measure(out: Effects): void {
    out.add({ type: 'measure', connection: this.#owner.number, why: 'liveness' });
  }

  /** The socket reports the next ping or pong of a suspect connection at once, if they count. */
  listen(out: Effects): void {
    if (!this.#isPageJudged)
      out.add({ type: 'listen', connection: this.#owner.number, since: this.#heardAt });
  }

  fire(event: string, turn: Turn, out: Effects): void {
    const edge = this.state.edges[event];
    if (!edge?.isHandled) return;
    this.state = edge.to;
    this.#apply(edge.effects, turn, out);
  }

  #apply(effects: readonly ChartEffect[], turn: Turn, out: Effects): void {
    for (const effect of effects) {
      if (effect.type === 'arm') out.arm(effect.timer, this.#dueAt(effect.timer) - turn.now);
      else if (effect.type === 'disarm') out.disarm(effect.timer);
      else this.#owner.act(effect.action, effect.params, turn, out);
    }
  }

  timer(timer: string, turn: Turn, out: Effects): void {
    const rest = this.#dueAt(timer) - turn.now;
    if (rest > 0) out.arm(timer, rest);
    else if (timer === 'silence' || timer === 'timeout') this.#doubt(timer, out);
    else this.fire(timer, turn, out);
  }

  #doubt(timer: string, out: Effects): void {
    this.#doubted = timer;
    out.arm(timer, LOOK_MS);
    this.#measure(out);
  }

  /**
   * The socket's findings. The connection asks for them when a timer came due by the frames alone, and with each ping.
   */
  measured({ readBytes, heldBytes, heardAt }: Measured, turn: Turn, out: Effects): void {
    const isReadOn = readBytes > this.#backlogAt;
    this.#backlogAt = heldBytes > 0 ? readBytes : Infinity;
    this.#heardAt = heardAt;
    const signAt = isReadOn ? turn.now : this.#isPageJudged ? -Infinity : heardAt;
    if (signAt > this.#lastSeenAt) this.#seen(signAt, turn, out);
    const timer = this.#doubted;
    this.#doubted = undefined;
    if (timer === undefined || !this.state.timers.has(timer)) return;
    const restMs = this.#dueAt(timer) - turn.now;
    if (restMs > 0) out.arm(timer, restMs);
    else this.fire(timer, turn, out);
  }

  #dueAt(timer: string): number {
    const { heartbeatIntervalMs, heartbeatTimeoutMs, handshakeMs } = this.#owner.options.limits;
    switch (timer) {
      case 'quiet':
        return Math.max(this.#lastSeenAt, this.#lastPingAt) + (heartbeatIntervalMs * 2) / 3;
      case 'silence':
        return this.#lastSeenAt + heartbeatIntervalMs;
      case 'timeout':
        return this.#lastSeenAt + heartbeatTimeoutMs;
      default:
        return this.#lastSeenAt + handshakeMs;
    }
  }
}
