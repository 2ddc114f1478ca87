import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { LogLevel, Telemetry } from '../runtime/ports/telemetry.ts';
import type { Logger } from './logger.ts';

/** What a scrape reads; gathered only then (counting costs an addition, a labelled counter a hundred times that). */
export interface Readings {
  readonly actors: ReadonlyMap<string, number>;
  readonly timers: number;
  readonly asks: number;
  readonly deadLetters: ReadonlyMap<string, number>;
  readonly connections: number;
  readonly bytesOut: number;
  readonly framesIn: number;
  readonly bytesIn: number;
}

/** Metric, what it says, and the counter behind it. */
const COUNTED = [
  ['vagus_messages_stored_total', 'Messages confirmed by the store', 'messages_stored'],
  ['vagus_messages_pruned_total', 'Messages removed because they are kept no longer', 'messages_pruned'],
  ['vagus_relay_gaps_read_total', 'Ranges that a relay had to read from the log', 'relay_gaps_read'],
  ['vagus_slow_connections_total', 'Times a connection went over its outbound limit', 'slow_connections'],
  ['vagus_actor_crashes_total', 'Actors whose step threw', 'actor_crashes'],
  ['vagus_store_failures_total', 'Calls of the store that failed', 'store_failures'],
  ['vagus_breaker_opened_total', 'Times the breaker around the store opened', 'breaker_opened'],
  ['vagus_breaker_closed_total', 'Times the breaker around the store closed', 'breaker_closed'],
] as const;

/** Metric, what it says, its label, and what the counters behind it begin with; the rest of their names is the label's value. */
const COUNTED_BY = [
  ['vagus_errors_total', 'Errors told to clients, by code', 'code', 'error_'],
  ['vagus_closed_total', 'Connections closed by this node, by reason', 'reason', 'closed_'],
  ['vagus_handshakes_refused_total', 'Upgrades that were refused, by code', 'code', 'handshake_refused_'],
  ['vagus_http_refused_total', 'Requests over HTTP that were refused, by code', 'code', 'http_refused_'],
  ['vagus_limited_total', 'Requests over a limit of rate, by kind', 'kind', 'limited_'],
  ['vagus_hook_failures_total', 'Answers of the application that could not be had', 'hook', 'hook_failed_'],
  ['vagus_probes_total', 'Messages of the node to itself, by whether they got through', 'outcome', 'probe_'],
] as const;

/** Counters of the core, and the metrics made of them. Labels are kinds, reasons and codes, never ids. */
export class NodeTelemetry implements Telemetry {
  readonly #counts = new Map<string, number>();
  readonly #logger: Logger;
  readonly #registry = new Registry();

  constructor(logger: Logger, read: () => Readings) {
    this.#logger = logger;
    collectDefaultMetrics({ register: this.#registry });
    this.#gauges(read);
    this.#counters(read);
  }

  count(counter: string, by: number): void {
    this.#counts.set(counter, (this.#counts.get(counter) ?? 0) + by);
  }

  log(level: LogLevel, event: string, details: Readonly<Record<string, unknown>>): void {
    this.#logger[level](details, event);
  }

  /** In the text format of Prometheus. */
  async scrape(): Promise<{ readonly contentType: string; readonly body: string }> {
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }

  #gauges(read: () => Readings): void {
    const gauge = (name: string, help: string, value: (readings: Readings) => number): void => {
      const made: Gauge = new Gauge({
        name,
        help,
        registers: [this.#registry],
        collect: () => made.set(value(read())),
      });
    };
    gauge('vagus_connections', 'Open connections of this node', (readings) => readings.connections);
    gauge('vagus_timers', 'Armed timers', (readings) => readings.timers);
    gauge('vagus_asks', 'Asks between actors that are not answered yet', (readings) => readings.asks);
    const actors: Gauge<'kind'> = new Gauge({
      name: 'vagus_actors',
      help: 'Actors by kind',
      labelNames: ['kind'],
      registers: [this.#registry],
      collect: () => {
        actors.reset();
        for (const [kind, count] of read().actors) actors.set({ kind }, count);
      },
    });
  }

  #counters(read: () => Readings): void {
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
    counter('vagus_frames_received_total', 'Frames taken from clients', () => read().framesIn);
    counter('vagus_received_bytes_total', 'Bytes of frames taken from clients', () => read().bytesIn);
    counter('vagus_sent_bytes_total', 'Bytes of frames handed to sockets', () => read().bytesOut);
    for (const [name, help, count] of COUNTED) counter(name, help, () => this.#counts.get(count) ?? 0);
    for (const [name, help, label, prefix] of COUNTED_BY)
      this.#labelled(name, help, label, () => this.#withPrefix(prefix));
    const deadLetters = 'Messages that nobody handled, by reason';
    this.#labelled('vagus_dead_letters_total', deadLetters, 'reason', () => read().deadLetters);
  }

  #labelled(name: string, help: string, label: string, values: () => ReadonlyMap<string, number>): void {
    const made: Counter = new Counter({
      name,
      help,
      labelNames: [label],
      registers: [this.#registry],
      collect: () => {
        made.reset();
        for (const [value, count] of values()) made.inc({ [label]: value }, count);
      },
    });
  }

  #withPrefix(prefix: string): ReadonlyMap<string, number> {
    const found = [...this.#counts].filter(([name]) => name.startsWith(prefix));
    return new Map(found.map(([name, count]) => [name.slice(prefix.length), count]));
  }
}
