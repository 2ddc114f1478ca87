import { readdirSync } from 'node:fs';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { DeadLetters } from '../../src/runtime/dead-letters.ts';
import { COUNTED, LABELLED } from '../../src/telemetry/counters.ts';
import { NodeTelemetry, type Readings } from '../../src/telemetry/metrics.ts';
import { promtoolCheck } from '../support/promtool.ts';
import { files, read } from '../support/source.ts';

const NOTHING: Readings = {
  actors: new Map(),
  timers: 0,
  asks: 0,
  deadLetters: new DeadLetters().counts,
  connections: 0,
  bytesOut: 0,
  framesIn: 0,
  bytesIn: 0,
  ackSurvives: { power_cut: false, node_crash: true },
  isReached: undefined,
};

describe('metrics', () => {
  test('of a node that has done nothing: each labelled counter is there, at 0', async () => {
    const { body } = await new NodeTelemetry(pino({ enabled: false }), () => NOTHING).scrape();
    for (const { metric, label, values } of LABELLED) {
      expect(values.length).toBeGreaterThan(0);
      for (const value of values) expect(body).toContain(`${metric}{${label}="${value}"} 0\n`);
    }
    expect(body).toContain('vagus_dead_letters_total{reason="overflow"} 0\n');
  });

  test('[D21] what an ack is worth is there from the beginning', async () => {
    const { body } = await new NodeTelemetry(pino({ enabled: false }), () => NOTHING).scrape();
    expect(body).toContain('vagus_ack_survives{event="power_cut"} 0\n');
    expect(body).toContain('vagus_ack_survives{event="node_crash"} 1\n');
  });

  test('nothing in it lists every socket of the process, and the open files are still counted', async () => {
    const { body } = await new NodeTelemetry(pino({ enabled: false }), () => NOTHING).scrape();
    expect(body).not.toMatch(/^nodejs_active_/m);
    const open = Number(/^process_open_fds (\d+)$/m.exec(body)?.[1]);
    // Reading the names opens one more.
    expect(Math.abs(readdirSync('/proc/self/fd').length - open)).toBeLessThanOrEqual(1);
  });

  test('a count is added to the value that was there at 0, and shown once', async () => {
    const telemetry = new NodeTelemetry(pino({ enabled: false }), () => NOTHING);
    telemetry.count('limited_messages', 2);
    telemetry.count('closed_heartbeat_timeout', 1);
    const { body } = await telemetry.scrape();
    expect(body.match(/^vagus_limited_total\{kind="messages"\}.*$/gm)).toEqual([
      'vagus_limited_total{kind="messages"} 2',
    ]);
    expect(body).toContain('vagus_closed_total{reason="heartbeat_timeout"} 1\n');
  });

  test('a scrape gathers the readings once', async () => {
    let walks = 0;
    const telemetry = new NodeTelemetry(pino({ enabled: false }), () => (walks++, NOTHING));
    await telemetry.scrape();
    expect(walks).toBe(1);
    await telemetry.scrape();
    expect(walks).toBe(2);
  });

  test('each counter that the code names has a metric, and each value of a label is known beforehand', () => {
    const calls = files('src/*.ts').flatMap((file) => read(file).match(/\.count\([^;]*;/g) ?? []);
    const named = calls.flatMap((call) => [...call.matchAll(/'([a-z_]+)'/g)].map(([, name]) => name ?? ''));
    expect(named.length).toBeGreaterThan(8);
    const shown = new Set([
      ...COUNTED.map(([, , counter]) => counter as string),
      ...LABELLED.flatMap(({ prefix, values }) => values.map((value) => prefix + value)),
    ]);
    expect(named.filter((counter) => !shown.has(counter))).toEqual([]);
  });

  test('pass the checker of Prometheus, which finds what is wrong with others', async () => {
    const { body } = await new NodeTelemetry(pino({ enabled: false }), () => NOTHING).scrape();
    expect(promtoolCheck(body)).toBe('');
    expect(promtoolCheck('# TYPE things_total gauge\nthings_total 1\n')).toContain('_total');
  }, 120_000);
});
