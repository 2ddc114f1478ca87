import type {
  Answered,
  Behaviour,
  Birth,
  Life,
  ReplyTo,
  TimerFired,
  Turn,
} from '../../runtime/ports/actor.ts';
import { explore, type ChartState } from '../chart.ts';
import type { Admitted, Enter, HomeMessage, Spent } from '../messages.ts';
import { Outbox } from '../outbox.ts';
import { Allowance } from './allowance.ts';
import { Home, PUBLIC, type HomeOptions } from './home.ts';
import type { Asker } from './pending.ts';
import { Presence } from './presence.ts';
import { userMachine } from './user.machine.ts';

export const userChart = explore(userMachine);

/** The home of `user:{id}`: the user's events in order, and the user's life out of those of the connections (LC3). */
class UserHome extends Home {
  readonly #user: string;
  readonly #presence: Presence;
  readonly #allowance: Allowance;
  /** Something of the allowance must be remembered. */
  #isAllowanceUsed = false;
  life: ChartState = userChart.initial;

  constructor(options: HomeOptions, birth: Birth, turn: Turn) {
    super(options, birth, turn);
    this.#user = birth.id;
    this.#presence = new Presence(options.graceMs);
    this.#allowance = new Allowance(options.allowance);
  }

  override lives(): readonly Life[] {
    return [...super.lives(), { chart: 'user', state: this.life }];
  }

  /** What a user may do is known without the log, so it is said without waiting for it. */
  override take(message: HomeMessage | TimerFired | Answered, turn: Turn): Outbox {
    const out = new Outbox();
    const { now } = turn;
    switch (message.type) {
      case 'giveBack':
        this.#allowance.taken();
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
    if (this.#isAllowanceUsed || this.#allowance.restsAt <= now) return out;
    this.#isAllowanceUsed = true;
    out.arm('allowance', this.#allowance.restsAt - now);
    return out;
  }

  protected override handle(message: HomeMessage, asker: Asker, turn: Turn, out: Outbox): void {
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

  protected enter(message: Enter, replyTo: ReplyTo | undefined, turn: Turn, out: Outbox): void {
    // `dead` is final: who comes back begins a new life.
    if (this.life.isFinal) this.life = userChart.initial;
    if (!this.#presence.has(message.address)) this.#allowance.taken();
    this.#presence.enter(message.address, message, message.state, turn);
    this.#judge(out);
    out.reply(replyTo, PUBLIC);
  }

  protected override timer(timer: string, turn: Turn, out: Outbox): void {
    if (timer === 'allowance') return this.#forgetAllowance(turn, out);
    if (timer !== 'grace') return super.timer(timer, turn, out);
    this.#presence.expel(this.#user, 'nobody', turn);
    this.#fire('grace', out);
  }

  #forgetAllowance(turn: Turn, out: Outbox): void {
    const restMs = this.#allowance.restsAt - turn.now;
    this.#isAllowanceUsed = restMs > 0;
    if (restMs > 0) out.arm('allowance', restMs);
  }

  protected override get isUsed(): boolean {
    return super.isUsed || this.#presence.size > 0 || this.#isAllowanceUsed;
  }

  /** Which event all connections together are. */
  #judge(out: Outbox): void {
    const states = this.#presence.states(this.#user);
    if (states.includes('alive')) return this.#fire('connectionHeard', out);
    if (states.includes('connecting')) return;
    if (states.length > 0) return this.#fire('allSilent', out);
    this.#fire(this.#presence.isLost(this.#user) ? 'lastLost' : 'lastGone', out);
  }

  #fire(event: string, out: Outbox): void {
    const edge = this.life.edges[event];
    if (!edge?.isHandled) return;
    this.life = edge.to;
    for (const effect of edge.effects) {
      if (effect.type === 'arm') out.arm(effect.timer, this.options.graceMs);
      if (effect.type === 'disarm') out.disarm(effect.timer);
    }
  }

  /** A user who is gone needs no home until something is published to it. */
  protected override tookTurn(out: Outbox): void {
    if (this.life.isFinal && !this.isUsed && this.ledger.isQuiet) this.ledger.drain(out);
  }
}

export function userBehaviour(options: HomeOptions): Behaviour<UserHome, HomeMessage> {
  return {
    kind: 'user',
    mailboxMax: 256,
    supervision: 'restart',
    placement: 'cluster',
    start: (birth, turn) => {
      const home = new UserHome(options, birth, turn);
      return [home, home.begin(birth, turn).effects];
    },
    step: (home, message, turn) => home.take(message, turn).effects,
    lives: (home) => home.lives(),
  };
}
