import type { PostAnswer, PostRequest } from 'vagus-client/core';
import type { ProgramOptions } from '../../actors/behaviours.ts';
import { LEASE } from '../../actors/messages/node.ts';
import type { InboundLimits } from '../../limits/inbound-budget.ts';
import { assembleNode } from '../../cluster/assemble-node.ts';
import { localPlacement } from '../../cluster/local-placement.ts';
import { viewPlacement } from '../../cluster/view-placement.ts';
import type { AnyBehaviour } from '../../runtime/cell.ts';
import type { Effect, Turn } from '../../runtime/ports/actor.ts';
import type { Placement } from '../../runtime/ports/placement.ts';
import type { StoreCallName } from '../../runtime/ports/log-store.ts';
import type { Verdict } from '../../runtime/ports/tokens.ts';
import type { Ports } from '../../runtime/perform.ts';
import type { ActorSystem } from '../../runtime/system.ts';
import type { SimDatabase } from '../ports/database.ts';
import type { DatabaseFault } from '../kit/faults.ts';
import { leave } from './leaving.ts';
import type { Link } from '../ports/link.ts';
import { mortal } from './mortal.ts';
import { OutgoingChecks } from '../checkers/outgoing-checks.ts';
import { Random } from '../kit/random.ts';
import { askForPlace, DRAINING, judge, post, UNAUTHORIZED, UNDECIDED } from '../clients/rest-api.ts';
import { RuntimeChecker } from '../checkers/runtime-checker.ts';
import { SimClock } from '../ports/sim-clock.ts';
import { SimEntropy } from '../ports/sim-entropy.ts';
import { SimHooks, type SimApplication } from '../ports/sim-hooks.ts';
import { SimLogStore } from '../ports/sim-log-store.ts';
import type { SimNetwork } from '../ports/sim-network.ts';
import { SimSockets } from '../ports/sim-sockets.ts';
import { SimTokens } from '../ports/sim-tokens.ts';
import type { Timeline } from '../kit/timeline.ts';
import type { Trace } from '../kit/trace.ts';
import type { Violate } from '../kit/violation.ts';

export interface SimNodeParts {
  readonly seed: number;
  /** The number of this incarnation of the node, from 1. */
  readonly incarnation: number;
  readonly timeline: Timeline;
  readonly trace: Trace;
  readonly violate: Violate;
  readonly database: SimDatabase;
  readonly network: SimNetwork;
  /** The incarnation of a node that an actor of the cluster lives on; by default this one. */
  readonly ownerOf?: Placement['ownerOf'] | undefined;
  readonly options: Omit<ProgramOptions, 'incarnation' | 'log'>;
  readonly outboundMaxBytes: number;
  readonly inbound: InboundLimits;
  /** User messages that may wait for one actor, by kind; by default what the kind says. */
  readonly mailboxMax: number | undefined;
  readonly faultOf: (call: StoreCallName) => DatabaseFault | undefined;
  readonly wallJumpMs: () => number;
  /** `isLost`: the node has given itself up. */
  readonly onDied: (node: SimNode, isLost: boolean) => void;
  /** Answers the hooks; by default it agrees to everything. */
  readonly application?: SimApplication | undefined;
}

/** By the view in a cluster, else here; a test may say where instead. */
function placementOf({ options, ownerOf }: SimNodeParts, self: string): Placement {
  const placement = options.cluster ? viewPlacement(self) : localPlacement(self);
  return ownerOf ? { ...placement, ownerOf } : placement;
}

/** An injected crash. */
const INJECTED = new Error('injected');

/** How long a drain may take in all (D15), with the time of a process that stands still. */
const DRAIN_MS = 25_000;
const CATCH_UP_MS = 500;

/**
 * One process: the actors of a node on simulated ports. It can die at any of its effects, and it can stand still. After its
 * death nothing of it reaches the outside.
 */
export class SimNode {
  readonly owner: string;
  readonly system: ActorSystem;
  readonly checker: RuntimeChecker;
  readonly sockets: SimSockets;
  readonly tokens: SimTokens;
  readonly #parts: SimNodeParts;
  readonly #store: SimLogStore;
  #isAlive = true;
  #frozenUntil = 0;
  #backlog: (() => void)[] = [];
  /** Effects until it dies, and steps until one throws; infinite without such a fault. */
  #effectsLeft = Infinity;
  #stepsLeft = Infinity;
  #isCrashingEarly = true;
  /** It has begun to drain. */
  isLeaving = false;
  readonly #outgoing: OutgoingChecks;

  constructor(parts: SimNodeParts) {
    this.#parts = parts;
    const { seed, incarnation, timeline, trace, violate, database, options } = parts;
    const { inFlightMax } = options.connection;
    this.#outgoing = new OutgoingChecks(violate, { ...parts, inFlightMax });
    this.owner = `${options.node}.${incarnation}`;
    const enter = (run: () => void): void => this.enter(run);
    const random = (stream: string): Random => new Random(seed, stream, String(incarnation));
    const about = { timeline, trace, violate, isAlive: () => this.#isAlive };
    this.checker = new RuntimeChecker({ ...about, node: options.cluster && this.owner });
    this.#store = new SimLogStore({
      database,
      timeline,
      trace,
      enter,
      random: random('store'),
      faultOf: parts.faultOf,
    });
    this.sockets = new SimSockets({
      ...parts,
      enter,
      onFlush: (connection, frames) =>
        trace.say(`conn ${connection}`, () => frames.map((frame) => `< ${frame.slice(0, 160)}`).join(' ')),
      onBuffered: (connection, bytes) => this.#outgoing.buffered(connection, bytes),
      onClosing: (connection, code, reason) =>
        this.#outgoing.closing(connection, { code, reason, isDraining: this.isLeaving }),
    });
    const clock = new SimClock({ timeline, enter, random: random('slices'), jumpMs: parts.wallJumpMs });
    this.tokens = new SimTokens({ timeline, enter, random: random('tokens'), wall: () => clock.wall() });
    const telemetry = { count: (counter: string) => this.#counted(counter), log: () => {} };
    const own: Ports = {
      clock,
      entropy: new SimEntropy(random('entropy'), () => clock.wall()),
      sockets: this.sockets,
      placement: placementOf(parts, this.owner),
      bus: parts.network.attach(this.owner, { enter, telemetry, isClustered: options.cluster !== undefined }),
      store: this.#store,
      tokens: { verify: (token, done) => this.#authenticate(token, done) },
      hooks: new SimHooks({ timeline, enter, application: parts.application ?? (() => true) }),
      telemetry,
      onLost: () => this.kill(true),
    };
    const ports = mortal(own, {
      isCarriedOut: this.#isCarriedOut,
      called: (name) => this.#outgoing.called(name, this.system),
    });
    const change = (behaviour: AnyBehaviour): AnyBehaviour => {
      const mailboxMax = Math.min(behaviour.mailboxMax, parts.mailboxMax ?? Infinity);
      const step: typeof behaviour.step = (state, message, turn) => {
        const isLast = --this.#stepsLeft <= 0;
        if (isLast) this.#stepsLeft = Infinity;
        // Half of the crashes happen after the state has changed.
        if (isLast && this.#isCrashingEarly) throw INJECTED;
        const effects = this.#reallyStep(behaviour, state, message, turn);
        if (isLast) throw INJECTED;
        return effects;
      };
      return { ...behaviour, mailboxMax, step };
    };
    const log = (): string => this.#store.log;
    const assembled = assembleNode(ports, { program: { ...options, log }, observer: this.checker, change });
    this.system = assembled.system;
    this.sockets.connect(assembled.inbox);
    this.system.tell(LEASE, { type: 'start' });
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Runs a function in the process: at once, or when it continues, or never. */
  enter(run: () => void): void {
    if (!this.#isAlive) return;
    if (this.#parts.timeline.now < this.#frozenUntil) this.#backlog.push(run);
    else run();
  }

  /**
   * Checks that need not run after each step. They pause while the process stands still and while it catches up afterwards.
   */
  audit(): void {
    if (this.#parts.timeline.now > this.#frozenUntil + CATCH_UP_MS) this.checker.audit(this.system);
  }

  get lostAt(): number {
    return this.isLeaving ? Infinity : this.#store.lostAt;
  }

  // --- faults

  killAfter(effects: number): void {
    this.#effectsLeft = effects;
  }

  crashAfter(steps: number, isEarly = true): void {
    this.#stepsLeft = steps;
    this.#isCrashingEarly = isEarly;
  }

  kill(isLost = false): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#backlog = [];
    this.#store.close();
    this.#parts.network.detach(this.owner);
    this.#parts.trace.say(this.owner, () => '! dies');
    this.#parts.onDied(this, isLost);
  }

  /** Drains as on SIGTERM: the node accepts no client, and ends when it has left. */
  drain(): void {
    this.enter(() => {
      if (this.isLeaving) return;
      this.isLeaving = true;
      this.#parts.trace.say(this.owner, () => '! leaves');
      leave(this.system, () => this.kill());
    });
    const { timeline, violate } = this.#parts;
    timeline.after(DRAIN_MS, () => {
      if (this.#isAlive && this.isLeaving && timeline.now > this.#frozenUntil + DRAIN_MS)
        violate(17, `${this.owner} has to leave, and is still there`);
    });
  }

  freeze(ms: number): void {
    const { timeline } = this.#parts;
    this.#frozenUntil = Math.max(this.#frozenUntil, timeline.now + ms);
    timeline.after(ms, () => this.#thaw());
  }

  #thaw(): void {
    if (!this.#isAlive || this.#parts.timeline.now < this.#frozenUntil) return;
    const backlog = this.#backlog;
    this.#backlog = [];
    for (const run of backlog) this.enter(run);
  }

  // --- the world

  /** A client's handshake. The answer is a refusal, or a welcome later. */
  accept(link: Link, token: string, done: (verdict: Verdict) => void): void {
    this.enter(() =>
      this.#authenticate(token, (verdict) => {
        if (link.isGone) return;
        if (!verdict.ok) return done(verdict);
        this.#admit(verdict.claims.user, (refusal) => {
          if (link.isGone) return;
          if (refusal !== undefined) return done({ ok: false, message: refusal });
          this.sockets.add(link, verdict.claims);
          done(verdict);
        });
      }),
    );
  }

  /** A message over HTTP. A process that dies meanwhile does not answer. */
  post(request: PostRequest, done: (answer: PostAnswer) => void): void {
    this.enter(() =>
      this.#authenticate(request.token, (verdict) => {
        if (!verdict.ok) return done(verdict.isUndecided ? UNDECIDED : UNAUTHORIZED);
        if (this.isLeaving) return done(DRAINING);
        post(this.system, verdict.claims, request, (answer) => this.enter(() => done(answer)));
      }),
    );
  }

  #authenticate(token: string, done: (verdict: Verdict) => void): void {
    this.tokens.verify(token, (verdict) => judge(this.system, verdict, done));
  }

  /** Why a user is refused (HS3); undefined when they are accepted. */
  #admit(user: string, done: (refusal: string | undefined) => void): void {
    const told = (isFull: boolean): void => {
      if (this.isLeaving) return done('this node is going away');
      done(isFull ? 'the user has too many connections' : undefined);
    };
    if (this.#parts.options.allowance.connectionsMax === 0) told(false);
    else askForPlace(this.system, user, told);
  }

  /** Every effect counts towards the death of the node. */
  readonly #isCarriedOut = (): boolean => {
    if (--this.#effectsLeft <= 0) this.kill();
    return this.#isAlive;
  };

  // --- checks of output

  /** Failed assertions of the product end the run. */
  #counted(counter: string): void {
    if (counter.startsWith('violated_')) this.#parts.violate(11, `${this.owner} asserts: ${counter}`);
  }

  /** A step that throws without an injected crash is a bug, even if the supervisor copes. */
  #reallyStep(behaviour: AnyBehaviour, state: unknown, message: unknown, turn: Turn): readonly Effect[] {
    try {
      const effects = behaviour.step(state, message, turn);
      return this.checker.doubts.stepped({ behaviour, message, turn }, effects);
    } catch (error) {
      const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#parts.violate(11, `a step of ${turn.self} threw: ${what.split('\n').slice(0, 3).join(' ')}`);
      throw error;
    }
  }
}
