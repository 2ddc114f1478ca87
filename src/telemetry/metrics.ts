import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { LogLevel, Telemetry } from '../runtime/ports/telemetry.ts';
import { COUNTED, LABELLED, type LabelledCounters } from './counters.ts';
import type { Logger } from './logger.ts';
import { collectOpenFiles } from './open-files.ts';

/**
 * The values that a scrape reads, gathered only then. Counting costs an addition; a labelled counter costs a hundred times
 * that.
 */
export interface Readings {
  readonly actors: ReadonlyMap<string, number>;
  readonly timers: number;
  readonly asks: number;
  /** Counts by reason. Each reason is there from the beginning. */
  readonly deadLetters: ReadonlyMap<string, number>;
  readonly connections: number;
  readonly bytesOut: number;
  readonly framesIn: number;
  readonly bytesIn: number;
  /** Whether an acked message survives each event, as the database said at the start. */
  readonly ackSurvives: Readonly<Record<string, boolean>>;
  /** Whether other nodes can be reached; undefined without a cluster. */
  readonly isReached: boolean | undefined;
}

/**
 * Metrics of prom-client 15.1.3 that list every handle, resource or open file of the process at each scrape. That takes
 * Node's thread 18 ms at 8,000 sockets, and `promtool check metrics` rejects the names of three of them.
 * `vagus_connections` and `process_open_fds` below replace them.
 */
const LISTING = [
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_requests',
  'nodejs_active_requests_total',
  'nodejs_active_resources',
  'nodejs_active_resources_total',
  'process_open_fds',
];

/** The counters of the core as metrics. Labels are kinds, reasons and codes, never ids. */
export class NodeTelemetry implements Telemetry {
  readonly #counts = new Map<string, number>();
  readonly #logger: Logger;
  readonly #registry = new Registry();
  readonly #read: () => Readings;
  /** What the current scrape reads, gathered once for all metrics. */
  #readings: Readings | undefined;

  constructor(logger: Logger, read: () => Readings) {
    this.#logger = logger;
    this.#read = read;
    collectDefaultMetrics({ register: this.#registry });
    for (const name of LISTING) this.#registry.removeSingleMetric(name);
    this.#gauges();
    this.#acks();
    this.#openFiles();
    this.#counters();
  }

  count(counter: string, by: number): void {
    this.#counts.set(counter, (this.#counts.get(counter) ?? 0) + by);
  }

  log(level: LogLevel, event: string, details: Readonly<Record<string, unknown>>): void {
    this.#logger[level](details, event);
  }

  /** All metrics in the text format of Prometheus. */
  async scrape(): Promise<{ readonly contentType: string; readonly body: string }> {
    this.#readings = undefined;
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }

  /** The readings of this scrape. Concurrent scrapes share them. */
  #reading(): Readings {
    return (this.#readings ??= this.#read());
  }

  #gauges(): void {
    const gauge = (name: string, help: string, value: (readings: Readings) => number): void => {
      const made: Gauge = new Gauge({
        name,
        help,
        registers: [this.#registry],
        collect: () => made.set(value(this.#reading())),
      });
    };
    gauge('vagus_connections', 'Open connections of this node', (readings) => readings.connections);
    gauge('vagus_timers', 'Armed timers', (readings) => readings.timers);
    gauge('vagus_asks', 'Asks between actors that are not answered yet', (readings) => readings.asks);
    const reached: Gauge = new Gauge({
      name: 'vagus_cluster_reached',
      help: 'Whether other nodes can be reached by Redis: 1, or 0; absent without a cluster',
      registers: [this.#registry],
      collect: () => {
        const { isReached } = this.#reading();
        if (isReached === undefined) reached.remove();
        else reached.set(isReached ? 1 : 0);
      },
    });
    const actors: Gauge<'kind'> = new Gauge({
      name: 'vagus_actors',
      help: 'Actors by kind',
      labelNames: ['kind'],
      registers: [this.#registry],
      collect: () => {
        actors.reset();
        for (const [kind, count] of this.#reading().actors) actors.set({ kind }, count);
      },
    });
  }

  /** What an ack is worth: a value of the label for each event. */
  #acks(): void {
    const survives: Gauge<'event'> = new Gauge({
      name: 'vagus_ack_survives',
      help: 'Whether an acked message survives an event: 1, or 0 when it may be lost',
      labelNames: ['event'],
      registers: [this.#registry],
      collect: () => {
        for (const [event, isKept] of Object.entries(this.#reading().ackSurvives))
          survives.set({ event }, isKept ? 1 : 0);
      },
    });
  }

  #openFiles(): void {
    const open: Gauge = new Gauge({
      name: 'process_open_fds',
      help: 'Open file descriptors',
      registers: [this.#registry],
      collect: () => collectOpenFiles(open),
    });
  }

  #counters(): void {
    const counter = (name: string, help: string, value: () => number): void => {
      const made: Counter = new Counter({
        name,
        help,
        registers: [this.#registry],
        collect: () => {
          made.reset();
          made.inc(value());
        },
      });
    };
    counter('vagus_frames_received_total', 'Frames taken from clients', () => this.#reading().framesIn);
    counter(
      'vagus_received_bytes_total',
      'Bytes of frames taken from clients',
      () => this.#reading().bytesIn,
    );
    counter('vagus_sent_bytes_total', 'Bytes of frames handed to sockets', () => this.#reading().bytesOut);
    for (const [name, help, count] of COUNTED) counter(name, help, () => this.#counts.get(count) ?? 0);
    for (const counters of LABELLED) this.#labelled(counters, () => this.#withPrefix(counters.prefix));
    const deadLetters = {
      metric: 'vagus_dead_letters_total',
      help: 'Messages that no actor handled, by reason',
      label: 'reason',
      values: [],
    };
    this.#labelled(deadLetters, () => this.#reading().deadLetters);
  }

  #labelled(
    { metric, help, label, values }: Omit<LabelledCounters, 'prefix'>,
    counts: () => ReadonlyMap<string, number>,
  ): void {
    const made: Counter = new Counter({
      name: metric,
      help,
      labelNames: [label],
      registers: [this.#registry],
      collect: () => {
        made.reset();
        for (const value of values) made.inc({ [label]: value }, 0);
        for (const [value, count] of counts()) made.inc({ [label]: value }, count);
      },
    });
  }

  #withPrefix(prefix: string): ReadonlyMap<string, number> {
    const found = [...this.#counts].filter(([name]) => name.startsWith(prefix));
    return new Map(found.map(([name, count]) => [name.slice(prefix.length), count]));
  }
}
