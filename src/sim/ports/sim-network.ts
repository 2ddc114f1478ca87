import { LinkedBus } from '../../cluster/links/linked-bus.ts';
import type { Bus } from '../../runtime/ports/bus.ts';
import type { Carrier, CarrierEvents, Sealer } from '../../runtime/ports/carrier.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import type { Telemetry } from '../../runtime/ports/telemetry.ts';
import type { Random } from '../kit/random.ts';
import type { Timeline } from '../kit/timeline.ts';

/** How long a text travels, and how long until its sender knows that it is on its way. */
const TRAVEL_MS = [0.2, 3] as const;
const TAKEN_MS = [0.1, 1] as const;

/** How late a text may be that is late. */
const LATE_MS = [5, 400] as const;

/** A command without an answer has failed after this long. */
const COMMAND_MS = 1_000;

const TICK_MS = 100;

/** As of the real carrier: without a probe that came back for this long, there is no way. */
const HEARD_MS = 3_000;
const PROBE_MS = 1_000;

/** Everything comes from the simulation itself. */
const PLAIN: Sealer = { seal: (text) => text, open: (text) => text };

/** The shares of texts that fare badly on their way. */
export interface Weather {
  readonly lost: number;
  readonly repeated: number;
  readonly late: number;
}

const FAIR: Weather = { lost: 0, repeated: 0, late: 0 };

interface Member {
  readonly self: Incarnation;
  /** Runs a function in the process: at once, or when it continues, or never. */
  readonly enter: (run: () => void) => void;
  events: CarrierEvents | undefined;
  /** When the last text to each inbox arrives. One that is not late overtakes none. */
  readonly arrivals: Map<Incarnation, number>;
  heardAt: number;
  deafUntil: number;
  awayUntil: number;
}

type Watch = (self: Incarnation, bus: Bus) => Bus;

interface Attached {
  readonly enter: Member['enter'];
  readonly telemetry: Telemetry;
  /** The process is a node of a cluster, whose leases say who lives. Else all processes know each other. */
  readonly isClustered: boolean;
}

/**
 * The Redis between simulated nodes. Its texts may be lost, repeated and late; it may be away, for one process or for all, and a
 * process may be deaf. The links of the nodes are the real ones.
 */
export class SimNetwork {
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #watch: Watch;
  readonly #members = new Map<Incarnation, Member>();
  readonly #buses = new Map<Incarnation, Bus>();
  #weather: Weather = FAIR;
  #weatherUntil = 0;
  #awayUntil = 0;

  /** `watch`: a checker may stand between the bus of each node of a cluster and the node. */
  constructor(timeline: Timeline, random: Random, watch: Watch = (_, bus) => bus) {
    this.#timeline = timeline;
    this.#random = random;
    this.#watch = watch;
  }

  /** The bus of a process that starts. */
  attach(self: Incarnation, { enter, telemetry, isClustered }: Attached): Bus {
    const now = (): number => this.#timeline.now;
    const times = { heardAt: now(), deafUntil: 0, awayUntil: 0 };
    const member: Member = { self, enter, events: undefined, arrivals: new Map(), ...times };
    const bus = new LinkedBus({ self, carrier: this.#carrier(member), sealer: PLAIN, now, telemetry });
    if (isClustered) return this.#watch(self, bus);
    this.#buses.set(self, bus);
    for (const one of this.#buses.values()) one.know([...this.#buses.keys()]);
    return bus;
  }

  /** A process is gone. Texts on their way to it are lost. No other process hears of it. */
  detach(self: Incarnation): void {
    this.#members.delete(self);
    this.#buses.delete(self);
  }

  /** For how long nothing has come to a process, not even what it sends to itself. */
  silentMs(self: Incarnation): number {
    return this.#timeline.now - (this.#members.get(self)?.heardAt ?? this.#timeline.now);
  }

  // --- faults

  rough(weather: Weather, ms: number): void {
    this.#weather = weather;
    this.#weatherUntil = this.#timeline.now + ms;
  }

  /** Redis is away: for one process, or for all. */
  away(ms: number, self?: Incarnation): void {
    const until = this.#timeline.now + ms;
    const member = self === undefined ? undefined : this.#members.get(self);
    if (self === undefined) this.#awayUntil = Math.max(this.#awayUntil, until);
    else if (member) member.awayUntil = Math.max(member.awayUntil, until);
  }

  /** A process hears nothing, and what it says arrives. */
  deafen(ms: number, self: Incarnation): void {
    const member = this.#members.get(self);
    if (member) member.deafUntil = Math.max(member.deafUntil, this.#timeline.now + ms);
  }

  // --- texts

  #carrier(member: Member): Carrier {
    const timeline = this.#timeline;
    return {
      connect: (events) => {
        member.events = events;
        this.#members.set(member.self, member);
        this.#tick(member);
      },
      publish: (inbox, text, done) => {
        if (!this.#members.has(member.self)) return;
        const isTaken = !this.#isAway(member);
        if (isTaken) this.#carry(member, inbox, text);
        const answered = isTaken ? this.#random.delay(...TAKEN_MS) : COMMAND_MS;
        timeline.after(answered, () => member.enter(() => done(isTaken)));
      },
      get isUp() {
        return timeline.now - member.heardAt < HEARD_MS;
      },
    };
  }

  #carry({ arrivals }: Member, inbox: Incarnation, text: string): void {
    const { now } = this.#timeline;
    const { lost, repeated, late } = now < this.#weatherUntil ? this.#weather : FAIR;
    const copies = this.#random.chance(repeated) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.#random.chance(lost)) continue;
      const isLate = this.#random.chance(late);
      const soonest = now + (isLate ? this.#random.delay(...LATE_MS) : this.#random.delay(...TRAVEL_MS));
      const at = isLate ? soonest : Math.max(soonest, arrivals.get(inbox) ?? 0);
      if (!isLate) arrivals.set(inbox, at);
      this.#timeline.after(at - now, () => this.#arrive(inbox, text));
    }
  }

  #arrive(inbox: Incarnation, text: string): void {
    const member = this.#members.get(inbox);
    if (!member || this.#isDeaf(member)) return;
    member.enter(() => member.events?.received(text));
  }

  #isAway({ awayUntil }: Member): boolean {
    return this.#timeline.now < Math.max(awayUntil, this.#awayUntil);
  }

  #isDeaf(member: Member): boolean {
    return this.#isAway(member) || this.#timeline.now < member.deafUntil;
  }

  #tick(member: Member): void {
    this.#timeline.after(TICK_MS, () => {
      const { now } = this.#timeline;
      if (this.#members.get(member.self) !== member) return;
      // What the process sends to itself comes back once a second.
      if (!this.#isDeaf(member) && now - member.heardAt >= PROBE_MS)
        member.enter(() => (member.heardAt = now));
      member.enter(() => member.events?.tick());
      this.#tick(member);
    });
  }
}
