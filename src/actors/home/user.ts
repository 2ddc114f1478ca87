import type {
  Answer,
  Answered,
  Behaviour,
  Lifecycle,
  ReplyTo,
  TimerFired,
  Turn,
} from '../../runtime/ports/actor.ts';
import { channelId } from '../../protocol/channels.ts';
import { explore, type ChartState } from '../kit/chart.ts';
import {
  PUBLIC,
  staysOnNode,
  type Admitted,
  type Enter,
  type HomeMessage,
  type Spent,
} from '../messages/home.ts';
import { Effects } from '../kit/effects.ts';
import { hibernating, type Hibernating } from '../kit/hibernation.ts';
import { Allowance } from './allowance.ts';
import { Home, type HomeOptions } from './home.ts';
import type { Asker } from './pending.ts';
import { Presence, type PresentUser } from './presence.ts';
import { userMachine } from './user.machine.ts';
import { HIBERNATED_WRITER, type HibernatedWriter, type WriterContext } from './writer-state.ts';

export const userChart = explore(userMachine);

/** The home of a user who only listens. One object: there is one for each idle user. */
interface HibernatedUser extends HibernatedWriter, PresentUser {
  readonly state: ChartState;
}

/** The home of `user:{id}`: the user's events in order, and the user's state out of those of the connections (LC3). */
class UserHome extends Home<WriterContext> {
  readonly #user: string;
  readonly #presence: Presence;
  readonly #allowance: Allowance;
  state: ChartState = userChart.initial;

  /** `small`: what is left of an earlier object of this generation. */
  constructor(options: HomeOptions, turn: Turn, small?: HibernatedUser) {
    super(options, turn, small);
    this.#user = channelId(this.channel);
    this.#presence = new Presence(options.graceMs);
    this.#allowance = new Allowance(options.allowance);
    if (!small) return;
    this.state = small.state;
    this.#presence.take(this.#user, small);
  }

  /** The user only listens: what is left is where the user is, and how far the channel goes. */
  hibernate({ now }: Turn): HibernatedUser | undefined {
    if (!this.#allowance.isForgettable(now)) return undefined;
    const present = this.#presence.user(this.#user);
    const writer = present && this.hibernateWriter();
    if (!writer) return undefined;
    const { epoch, head, lastSerial, nodes } = writer;
    const { devices, shown, since } = present;
    return { epoch, head, lastSerial, nodes, devices, shown, since, state: this.state };
  }

  override chartStates(): readonly Lifecycle[] {
    return [...super.chartStates(), { chart: 'user', state: this.state }];
  }

  /** What a user may do is known without the log, so it is said without waiting for it. */
  override take(message: HomeMessage | TimerFired | Answered<WriterContext>, turn: Turn): Effects {
    const out = new Effects();
    const { now } = turn;
    switch (message.type) {
      case 'giveBack':
        this.#allowance.taken();
        break;
      case 'lend': {
        const { address, wanted, unused } = message;
        out.reply(turn.replyTo, this.#allowance.lend(address, wanted, unused, now));
        out.check('loans_sum', this.#allowance.isSound);
        break;
      }
      case 'returnLoan':
        this.#allowance.returnLoan(message.address, message.unused, now);
        out.check('loans_sum', this.#allowance.isSound);
        break;
      case 'spend':
        out.reply(turn.replyTo, { retryAfterMs: this.#allowance.spend(now) } satisfies Spent);
        break;
      case 'spendRoom':
        out.reply(turn.replyTo, { retryAfterMs: this.#allowance.spendRoom(now) } satisfies Spent);
        break;
      case 'giveRoomBack':
        this.#allowance.giveRoomBack();
        break;
      case 'admit': {
        const connections = this.#presence.states(this.#user).length;
        const isFull = !this.#allowance.hasPlace(connections, message.isKept, now);
        out.reply(turn.replyTo, { isFull } satisfies Admitted);
        break;
      }
      default:
        return super.take(message, turn);
    }
    return out;
  }

  protected override handle(message: HomeMessage, asker: Asker, turn: Turn, out: Effects): void {
    switch (message.type) {
      case 'exit':
        this.#presence.exit(message.address, message.how, turn);
        return this.#judge(out);
      case 'withdraw':
        // A relay that crashed may have forgotten some of those it spoke for.
        for (const address of this.#presence.devicesOn(message.incarnation))
          this.#presence.exit(address, 'lost', turn);
        this.#judge(out);
        return super.handle(message, asker, turn, out);
      case 'device':
        this.#presence.device(message.address, message.state, turn);
        return this.#judge(out);
      default:
        super.handle(message, asker, turn, out);
    }
  }

  protected enter(message: Enter, replyTo: ReplyTo | undefined, turn: Turn, out: Effects): void {
    for (const device of message.devices) {
      // `dead` is final: a user who comes back begins anew.
      if (this.state.isFinal) this.state = userChart.initial;
      // A connection that was in before has no place reserved: the reserved ones belong to handshakes under way.
      if (!device.isAgain && !this.#presence.has(device.address)) this.#allowance.taken();
      this.#presence.enter(device.address, device, device.state, turn);
      this.#judge(out);
    }
    out.reply(replyTo, this.welcome(message.devices.map(() => PUBLIC)));
  }

  protected answered(context: WriterContext, answer: Answer<unknown>, turn: Turn, out: Effects): void {
    this.writer.answered(context, answer, turn, out);
  }

  protected override timer(timer: string, turn: Turn, out: Effects): void {
    if (timer !== 'grace') return super.timer(timer, turn, out);
    this.#presence.expel(this.#user, 'nobody', turn);
    this.#fire('grace', out);
  }

  /** The allowance has no timer of its own: the home asks it whether it has to remember something. */
  protected override isUsed(turn: Turn): boolean {
    return super.isUsed(turn) || this.#presence.size > 0 || this.#allowance.restsAt > turn.now;
  }

  /** Which event all connections together are. */
  #judge(out: Effects): void {
    const states = this.#presence.states(this.#user);
    if (states.includes('alive')) return this.#fire('connectionHeard', out);
    if (states.includes('connecting')) return;
    if (states.length > 0) return this.#fire('allSilent', out);
    this.#fire(this.#presence.isLost(this.#user) ? 'lastLost' : 'lastGone', out);
  }

  #fire(event: string, out: Effects): void {
    const edge = this.state.edges[event];
    if (!edge?.isHandled) return;
    this.state = edge.to;
    for (const effect of edge.effects) {
      if (effect.type === 'arm') out.arm(effect.timer, this.options.graceMs);
      if (effect.type === 'disarm') out.disarm(effect.timer);
    }
  }

  /** A user who is gone needs no home until something is published to it. */
  protected override tookTurn(turn: Turn, out: Effects): void {
    if (this.state.isFinal && !this.isUsed(turn) && this.writer.isQuiet) this.writer.drain(out);
  }
}

export function userBehaviour(
  options: HomeOptions,
): Behaviour<Hibernating<UserHome, HibernatedUser>, HomeMessage, undefined, WriterContext> {
  const behaviour: Behaviour<UserHome, HomeMessage, undefined, WriterContext> = {
    kind: 'user',
    mailboxMax: 256,
    supervision: 'restart',
    placement: 'cluster',
    staysOnNode,
    start: (context, turn) => {
      const home = new UserHome(options, turn);
      return [home, home.begin(context, turn).effects];
    },
    step: (home, message, turn) => home.take(message, turn).effects,
    chartStates: (home) => home.chartStates(),
  };
  return hibernating(behaviour, {
    hibernate: (home, turn) => home.hibernate(turn),
    wake: (small, turn) => new UserHome(options, turn, small),
    chartStates: ({ state }) => [...HIBERNATED_WRITER, { chart: 'user', state }],
  });
}
