import type {
  Answered,
  Awaits,
  Behaviour,
  Lifecycle,
  ReplyTo,
  TimerFired,
  Turn,
} from '../../runtime/ports/actor.ts';
import { explore, type ChartState } from '../kit/chart.ts';
import type { Channel } from '../../protocol/channels.ts';
import { LOG, type LogStatus } from '../messages/log.ts';
import type { HomeMessage } from '../messages/home.ts';
import { SESSIONS, VIEW, type DrainMessage } from '../messages/node.ts';
import { answerFor } from '../kit/answers.ts';
import { Effects } from '../kit/effects.ts';
import { drainMachine } from './drain.machine.ts';

export const drainChart = explore(drainMachine);

export interface DrainLimits {
  /** How long the channels of a node of a cluster may take to get other homes. */
  readonly handOverMs: number;
  /** How long clients may take for their answers and their goodbye. */
  readonly clientsLeaveMs: number;
  /** How long homes may take for what they have taken. */
  readonly appendsEndMs: number;
}

/** Together under the 25 s in which a node must be gone, with some left for what closes after them. */
export const DRAIN_LIMITS: DrainLimits = {
  handOverMs: 6_000,
  clientsLeaveMs: 10_000,
  appendsEndMs: 6_000,
};

/** Whether homes and log are quiet is looked at this often. */
const LOOK_MS = 50;

type DrainContext = HandOverContext | ClientsContext | LogContext;

interface HandOverContext extends Awaits<object> {
  readonly for: 'handOver';
}

interface ClientsContext extends Awaits<object> {
  readonly for: 'clients';
}

interface LogContext extends Awaits<LogStatus> {
  readonly for: 'log';
}

/** A node's leaving (D15). */
class Drain {
  state: ChartState = drainChart.initial;
  readonly #limits: DrainLimits;
  readonly #isClustered: boolean;
  readonly #askers: ReplyTo[] = [];
  /** Homes that have something to finish. */
  readonly #busy = new Set<Channel>();

  constructor(limits: DrainLimits, isClustered: boolean) {
    this.#limits = limits;
    this.#isClustered = isClustered;
  }

  take(message: DrainMessage | TimerFired | Answered<DrainContext>, turn: Turn): Effects {
    const out = new Effects();
    switch (message.type) {
      case 'leave':
        if (turn.replyTo) this.#askers.push(turn.replyTo);
        if (this.state.isFinal) this.#report(out);
        else this.#fire('ordered', out);
        if (!this.#isClustered) this.#fire('handedOver', out);
        break;
      case 'homeBusy':
        this.#busy.add(message.channel);
        break;
      case 'homeStopped':
        this.#busy.delete(message.channel);
        break;
      case 'timer':
        if (message.timer === 'look') this.#look(out);
        else if (message.timer === 'again') this.#handOver(out);
        else this.#fire(message.timer, out);
        break;
      case 'answer':
        this.#answered(message, out);
        break;
    }
    return out;
  }

  #answered({ context, answer }: Answered<DrainContext>, out: Effects): void {
    // An actor that crashed meanwhile is asked again.
    if (context.for === 'handOver')
      return answer.ok ? this.#fire('handedOver', out) : out.arm('again', LOOK_MS);
    if (context.for === 'clients') return answer.ok ? this.#fire('clientsLeft', out) : undefined;
    const status = answerFor(context, answer);
    const isQuiet = this.#busy.size === 0 && status.ok && status.body.appends === 0;
    if (isQuiet) this.#fire('logQuiet', out);
    else if (!this.state.isFinal) out.arm('look', LOOK_MS);
  }

  #fire(event: string, out: Effects): void {
    const edge = this.state.edges[event];
    if (!edge?.isHandled) return;
    this.state = edge.to;
    for (const effect of edge.effects) {
      if (effect.type === 'arm') out.arm(effect.timer, this.#delayMs(effect.timer));
      else if (effect.type === 'disarm') out.disarm(effect.timer);
      else this.#act(effect.action, out);
    }
  }

  #delayMs(timer: string): number {
    const { handOverMs, clientsLeaveMs, appendsEndMs } = this.#limits;
    return { handOverEnds: handOverMs, clientsLeave: clientsLeaveMs }[timer] ?? appendsEndMs;
  }

  #act(action: string, out: Effects): void {
    const context: DrainContext = { for: 'clients' };
    const drain: HomeMessage = { type: 'drain' };
    switch (action) {
      case 'handOver':
        return this.#handOver(out);
      case 'dismissClients':
        return out.ask(SESSIONS, { type: 'dismiss' }, { deadlineMs: this.#limits.clientsLeaveMs, context });
      case 'drainHomes':
        for (const kind of ['room', 'user', 'broadcast'])
          out.add({ type: 'tellLocalKind', kind, message: drain });
        // By then the homes that are not done have said so.
        return out.arm('look', LOOK_MS);
      case 'report':
        out.disarm('look');
        return this.#report(out);
    }
  }

  #handOver(out: Effects): void {
    if (!this.#isClustered || this.state.name !== 'handingOver') return;
    const context: DrainContext = { for: 'handOver' };
    out.ask(VIEW, { type: 'leave' }, { deadlineMs: this.#limits.handOverMs, context });
  }

  #look(out: Effects): void {
    const context: DrainContext = { for: 'log' };
    out.ask(LOG, { type: 'status' }, { deadlineMs: this.#limits.appendsEndMs, context });
  }

  #report(out: Effects): void {
    for (const asker of this.#askers.splice(0)) out.reply(asker, {});
  }
}

export function drainBehaviour(
  limits: DrainLimits,
  isClustered = false,
): Behaviour<Drain, DrainMessage, undefined, DrainContext> {
  return {
    kind: 'drain',
    mailboxMax: 16,
    supervision: 'restart',
    placement: 'node',
    start: () => [new Drain(limits, isClustered), []],
    step: (drain, message, turn) => drain.take(message, turn).effects,
    chartStates: (drain): readonly Lifecycle[] => [{ chart: 'drain', state: drain.state }],
  };
}
