import { Random } from './random.ts';

/** Every fault that can be injected, with what it does. */
export const FAULTS = {
  kill: 'the process dies at any of its effects, and a new one starts',
  pause: 'the process stands still for seconds, and then continues',
  drain: 'the process drains and leaves; then a new one starts',
  stall: 'the event loop does nothing for a moment',
  crash: 'a step of an actor throws',
  'wall-jump': 'the wall clock jumps',
  reset: 'a connection is cut',
  'half-open': 'a connection is cut, and one side does not learn of it',
  hold: 'a connection carries nothing for a while, then everything at once',
  'slow-reader': 'a client stops reading for a while',
  storm: 'all clients are cut and reconnect at once',
  'bad-frames': 'a client sends frames that break the protocol',
  flood: 'a client sends much at once',
  'db-timeout-before': 'the database cancels a statement that takes too long',
  'db-timeout-after': 'a statement is carried out, and its answer is lost',
  'db-late-commit': 'the connection to the database breaks, and the statement is carried out later',
  'db-hang': 'a statement vanishes',
  'db-slow': 'a statement is slow',
  'db-pool': 'no connection to the database is free',
  'db-down': 'the database refuses connections',
  'db-full': 'the database answers, but can store nothing more',
  'db-rival': 'another owner claims a channel, and may append to it',
  'db-failover': 'a standby takes over that may lack the last commits',
  'net-rough': 'messages between nodes are lost, repeated and late',
  'net-away': 'Redis is away for all nodes',
  'net-cut': 'Redis is away for one node',
  'net-deaf': 'a node hears nothing from other nodes, and they hear it',
} as const;

export type Fault = keyof typeof FAULTS;

export const ALL_FAULTS = Object.keys(FAULTS) as Fault[];

/** The faults between nodes, which a node alone cannot have. */
export function isBetweenNodes(fault: Fault): boolean {
  return fault.startsWith('net-');
}

/** Raised when `--faults` names an unknown fault. */
class UnknownFault extends Error {}

/** Reads `all`, `none`, or names separated by commas. */
export function parseFaults(text: string): readonly Fault[] {
  if (text === 'all') return ALL_FAULTS;
  if (text === 'none') return [];
  return text.split(',').map((name) => {
    if (!Object.hasOwn(FAULTS, name))
      throw new UnknownFault(`there is no fault ${JSON.stringify(name)}; there are ${ALL_FAULTS.join(', ')}`);
    return name as Fault;
  });
}

/**
 * How often a run has a fault, if not in half of the runs. After a failover most promises hold within a timeline only
 * (D21).
 */
const SHARES: Partial<Record<Fault, number>> = { 'db-failover': 0.15 };

/**
 * The faults of one run, a random part of all. Runs with few faults find bugs that other faults hide (swarm testing: Groce
 * et al., ISSTA 2012).
 */
export function chooseFaults(allowed: readonly Fault[], seed: number): readonly Fault[] {
  // Named faults are all used.
  if (allowed.length < ALL_FAULTS.length) return allowed;
  return allowed.filter((fault) => new Random(seed, 'swarm', fault).chance(SHARES[fault] ?? 0.5));
}

export type DatabaseFault = Extract<Fault, `db-${string}`>;

/** Whether the fault is a state of the database for a while. Other faults strike once. */
export function isWeather(fault: Fault): fault is DatabaseFault {
  return fault.startsWith('db-') && fault !== 'db-rival' && fault !== 'db-failover';
}
