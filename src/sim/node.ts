import type { PostAnswer, PostRequest } from 'vagus-client/core';
import type { ProgramOptions } from '../actors/program.ts';
import { LEASE } from '../actors/services.ts';
import type { InboundLimits } from '../limits/inbound-budget.ts';
import { assembleNode } from '../node/assemble-node.ts';
import { localPlacement } from '../node/local-placement.ts';
import type { AnyBehaviour } from '../runtime/cell.ts';
import type { Effect, Turn } from '../runtime/ports/actor.ts';
import type { Placement } from '../runtime/ports/placement.ts';
import type { StoreCallName } from '../runtime/ports/log-store.ts';
import type { Verdict } from '../runtime/ports/tokens.ts';
import type { Ports } from '../runtime/perform.ts';
import type { ActorSystem } from '../runtime/system.ts';
import type { SimDatabase } from './database.ts';
import type { DatabaseFault } from './faults.ts';
import { leave } from './leaving.ts';
import type { Link } from './link.ts';
import { mortal } from './mortal.ts';
import { OutgoingChecks } from './outgoing-checks.ts';
import { Random } from './random.ts';
import { askForPlace, DRAINING, judge, post, UNAUTHORIZED, UNDECIDED } from './rest.ts';
import { RuntimeChecker } from './runtime-checker.ts';
import { SimClock } from './sim-clock.ts';
import { SimEntropy } from './sim-entropy.ts';
import { SimHooks, type SimApplication } from './sim-hooks.ts';
import { SimLogStore } from './sim-log-store.ts';
import type { SimNetwork } from './sim-network.ts';
import { SimSockets } from './sim-sockets.ts';
import { SimTokens } from './sim-tokens.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';
import type { Violate } from './violation.ts';

export interface SimNodeParts {
  readonly seed: number;
  /** Which life of the node this is, from 1. */
  readonly incarnation: number;
  readonly timeline: Timeline;
  readonly trace: Trace;
  readonly violate: Violate;
  readonly database: SimDatabase;
  readonly network: SimNetwork;
  /** Which life of a node an actor of the cluster lives on; this one, unless given. */
  readonly ownerOf?: Placement['ownerOf'] | undefined;
  readonly options: Omit<ProgramOptions, 'incarnation' | 'log'>;
  readonly outboundMaxBytes: number;
  readonly inbound: InboundLimits;
  /** User messages that may wait for one actor, by kind; else what the kind says. */
  readonly mailboxMax: number | undefined;
  readonly faultOf: (call: StoreCallName) => DatabaseFault | undefined;
  readonly wallJumpMs: () => number;
  readonly onDied: (node: SimNode) => void;
  /** Asked about what the options say; unless given, it agrees to everything. */
  readonly application?: SimApplication | undefined;
}

/** A crash that was ordered. */
const INJECTED = new Error('injected');

/** How long a drain may take in all (D15); and what was due while a process stood still. */
const DRAIN_MS = 25_000;
const CATCH_UP_MS = 500;

/**
 * One process: the actors of a node on simulated ports. It can be killed at any of its effects, and stand still.
 * After its death nothing of it reaches the outside any more.
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
  /** Effects until it dies, and steps until one throws; infinite when nothing is to happen. */
  #effectsLeft = Infinity;
  #stepsLeft = Infinity;
  #isCrashingEarly = true;
  #isDraining = false;
  readonly #outgoing: OutgoingChecks;

  constructor(parts: SimNodeParts) {
    this.#parts = parts;
    const { inFlightMax } = parts.options.connection;
    this.#outgoing = new OutgoingChecks(parts.violate, { ...parts, inFlightMax });
    const { seed, incarnation, timeline, trace, violate, database, options } = parts;
    const entity = String(incarnation);
    this.owner = `${options.node}.${incarnation}`;
    const enter = (run: () => void): void => this.enter(run);
    const random = (stream: string): Random => new Random(seed, stream, entity);
    this.checker = new RuntimeChecker({ timeline, trace, violate, isAlive: () => this.#isAlive });
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
        this.#outgoing.closing(connection, { code, reason, isDraining: this.#isDraining }),
    });
    const clock = new SimClock({ timeline, enter, random: random('slices'), jumpMs: parts.wallJumpMs });
    this.tokens = new SimTokens({ timeline, enter, random: random('tokens'), wall: () => clock.wall() });
    const entropy = new SimEntropy(random('entropy'), () => clock.wall());
    const own: Ports = {
      clock,
      entropy,
      sockets: this.sockets,
      placement: { ...localPlacement(this.owner), ...(parts.ownerOf ? { ownerOf: parts.ownerOf } : {}) },
      bus: parts.network.attach(this.owner, enter),
      store: this.#store,
      tokens: { verify: (token, done) => this.#authenticate(token, done) },
      hooks: new SimHooks({ timeline, enter, application: parts.application ?? (() => true) }),
      telemetry: { count: (counter) => this.#counted(counter), log: () => {} },
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
        // Half of the crashes come when the state is changed already.
        if (isLast && this.#isCrashingEarly) throw INJECTED;
        const effects = this.#reallyStep(behaviour, state, message, turn);
        if (isLast) throw INJECTED;
        return effects;
      };
      return { ...behaviour, mailboxMax, step };
    };
    const log = (): string => this.#store.log;
    const node = assembleNode(ports, { program: { ...options, log }, observer: this.checker, change });
    this.system = node.system;
    this.sockets.connect(node.inbox);
    this.system.tell(LEASE, { type: 'start' });
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Runs something in the process: at once, when it goes on, or never. */
  enter(run: () => void): void {
    if (!this.#isAlive) return;
    if (this.#parts.timeline.now < this.#frozenUntil) this.#backlog.push(run);
    else run();
  }

  /** What need not be looked at after each step; not while it stands still, nor right after, when it catches up. */
  audit(): void {
    if (this.#parts.timeline.now > this.#frozenUntil + CATCH_UP_MS) this.checker.audit(this.system);
  }

  // --- faults

  killAfter(effects: number): void {
    this.#effectsLeft = effects;
  }

  crashAfter(steps: number, isEarly = true): void {
    this.#stepsLeft = steps;
    this.#isCrashingEarly = isEarly;
  }

  kill(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#backlog = [];
    this.#store.close();
    this.#parts.network.detach(this.owner);
    this.#parts.trace.say(this.owner, () => '! dies');
    this.#parts.onDied(this);
  }

  /** As on SIGTERM: nobody is let in any more, and it ends when it has left. */
  drain(): void {
    this.enter(() => {
      if (this.#isDraining) return;
      this.#isDraining = true;
      this.#parts.trace.say(this.owner, () => '! is told to leave');
      leave(this.system, () => this.kill());
    });
    const { timeline, violate } = this.#parts;
    timeline.after(DRAIN_MS, () => {
      if (this.#isAlive && this.#isDraining && timeline.now > this.#frozenUntil + DRAIN_MS)
        violate(17, `${this.owner} was told to leave, and is still there`);
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

  /** A client's handshake: answered with why not, or by a welcome later. */
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

  /** A message by HTTP. Who dies meanwhile says nothing. */
  post(request: PostRequest, done: (answer: PostAnswer) => void): void {
    this.enter(() =>
      this.#authenticate(request.token, (verdict) => {
        if (!verdict.ok) return done(verdict.isUndecided ? UNDECIDED : UNAUTHORIZED);
        if (this.#isDraining) return done(DRAINING);
        post(this.system, verdict.claims, request, (answer) => this.enter(() => done(answer)));
      }),
    );
  }

  #authenticate(token: string, done: (verdict: Verdict) => void): void {
    this.tokens.verify(token, (verdict) => judge(this.system, verdict, done));
  }

  /** Undefined, or why a user is not let in (HS3). */
  #admit(user: string, done: (refusal: string | undefined) => void): void {
    const told = (isFull: boolean): void => {
      if (this.#isDraining) return done('this node is going away');
      done(isFull ? 'the user has too many connections' : undefined);
    };
    if (this.#parts.options.allowance.connectionsMax === 0) told(false);
    else askForPlace(this.system, user, told);
  }

  /** Every effect counts one towards its death. */
  readonly #isCarriedOut = (): boolean => {
    if (--this.#effectsLeft <= 0) this.kill();
    return this.#isAlive;
  };

  // --- checks of what goes out

  /** Assertions of the product are fatal here. */
  #counted(counter: string): void {
    if (counter.startsWith('violated_')) this.#parts.violate(11, `${this.owner} asserts: ${counter}`);
  }

  /** A step that throws of itself is a bug, however well it is borne. */
  #reallyStep(behaviour: AnyBehaviour, state: unknown, message: unknown, turn: Turn): readonly Effect[] {
    try {
      return behaviour.step(state, message, turn);
    } catch (error) {
      const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#parts.violate(11, `a step of ${turn.self} threw: ${what.split('\n').slice(0, 3).join(' ')}`);
      throw error;
    }
  }
}
