import { describe, expect, test } from 'vitest';
import { worthOf, type AckEvent, type CommitSettings } from '../../src/store/ack-worth.ts';

const DEFAULTS: CommitSettings = {
  fsync: true,
  fullPageWrites: true,
  synchronousCommit: 'on',
  walWriterDelayMs: 200,
  standbyNames: '',
  standbys: undefined,
};

const WAITS = { standbyNames: 'FIRST 1 (a, b)', standbys: 1 } as const;
const NO_STANDBY = 'not a failover: there is no synchronous standby (synchronous_standby_names is empty)';
const [NODE, DATABASE, POWER, FAILOVER]: AckEvent[] = [
  'node_crash',
  'database_crash',
  'power_cut',
  'failover',
];

describe('[D21] [DG1] what an ack is worth', () => {
  test.each<[string, Partial<CommitSettings>, (AckEvent | undefined)[], 'info' | 'warn', string]>([
    [
      'the defaults',
      {},
      [NODE, DATABASE, POWER],
      'info',
      `an acked message survives a crash of the node, a crash of PostgreSQL and a power cut; ${NO_STANDBY}`,
    ],
    [
      'a synchronous standby',
      WAITS,
      [NODE, DATABASE, POWER, FAILOVER],
      'info',
      'an acked message survives a crash of the node, a crash of PostgreSQL, a power cut and a failover',
    ],
    [
      'a synchronous standby that the role may not see',
      { ...WAITS, standbys: undefined },
      [NODE, DATABASE, POWER, FAILOVER],
      'info',
      'an acked message survives a crash of the node, a crash of PostgreSQL, a power cut and a failover',
    ],
    [
      'a standby that has applied it',
      { ...WAITS, synchronousCommit: 'remote_apply' },
      [NODE, DATABASE, POWER, FAILOVER],
      'info',
      'an acked message survives a crash of the node, a crash of PostgreSQL, a power cut and a failover',
    ],
    [
      'a standby that has it in memory',
      { ...WAITS, synchronousCommit: 'remote_write' },
      [NODE, DATABASE, POWER, FAILOVER],
      'info',
      'and a failover; synchronous_commit is remote_write, so not a power cut of both machines at once',
    ],
    [
      'remote_write without a standby is the default',
      { synchronousCommit: 'remote_write' },
      [NODE, DATABASE, POWER],
      'info',
      `and a power cut; ${NO_STANDBY}`,
    ],
    [
      'standbys that no commit waits for',
      { ...WAITS, synchronousCommit: 'local' },
      [NODE, DATABASE, POWER],
      'info',
      'and a power cut; not a failover: synchronous_commit is local, so no commit waits for a standby',
    ],
    [
      'one standby of two',
      { standbyNames: 'ANY 2 (a, b, c)', standbys: 1 },
      [NODE, DATABASE, POWER, FAILOVER],
      'warn',
      'and a failover; nothing can be acked now: 1 of 2 synchronous standbys are connected',
    ],
    [
      'two standbys of two',
      { standbyNames: '2 (a, b)', standbys: 2 },
      [NODE, DATABASE, POWER, FAILOVER],
      'info',
      'a power cut and a failover',
    ],
    [
      'a list of names, none of which is connected',
      { standbyNames: 's1, s2', standbys: 0 },
      [NODE, DATABASE, POWER, FAILOVER],
      'warn',
      'nothing can be acked now: 0 of 1 synchronous standbys are connected',
    ],
    [
      'a missing standby that no commit waits for',
      { standbyNames: '*', standbys: 0, synchronousCommit: 'local' },
      [NODE, DATABASE, POWER],
      'info',
      'no commit waits for a standby',
    ],
    [
      'synchronous_commit off',
      { ...WAITS, synchronousCommit: 'off', walWriterDelayMs: 150 },
      [NODE],
      'warn',
      'an acked message survives a crash of the node; not a crash of PostgreSQL, a power cut or a failover: ' +
        'synchronous_commit is off, so PostgreSQL may lose what it acked in the last 450 ms',
    ],
    [
      'fsync off',
      { fsync: false },
      [NODE, DATABASE],
      'warn',
      'an acked message survives a crash of the node and a crash of PostgreSQL; ' +
        `not a power cut: fsync is off, so it may destroy the database; ${NO_STANDBY}`,
    ],
    [
      'fsync off, with a synchronous standby',
      { ...WAITS, fsync: false },
      [NODE, DATABASE, FAILOVER],
      'warn',
      'a crash of PostgreSQL and a failover; not a power cut: fsync is off',
    ],
    [
      'both off',
      { fsync: false, synchronousCommit: 'off' },
      [NODE],
      'warn',
      'not a crash of PostgreSQL or a failover: synchronous_commit is off, so PostgreSQL may lose what it acked in the ' +
        'last 600 ms; not a power cut: fsync is off, so it may destroy the database',
    ],
    [
      'full_page_writes off',
      { fullPageWrites: false },
      [NODE, DATABASE],
      'warn',
      'not a power cut: full_page_writes is off, so it may damage pages unless the file system writes each whole',
    ],
  ])('%s', (_, settings, survived, level, text) => {
    const worth = worthOf({ ...DEFAULTS, ...settings });
    const kept = Object.entries(worth.survives).filter(([, survives]) => survives);
    expect(kept.map(([event]) => event)).toEqual(survived);
    expect(worth.level).toBe(level);
    expect(worth.text).toContain(text);
    expect(worth.text).not.toContain('\n');
  });

  test('the embedded database, and one that does not say', () => {
    expect(worthOf('embedded')).toMatchObject({
      survives: { node_crash: true, power_cut: false, failover: false },
      level: 'warn',
      text: expect.stringContaining('does not wait for the disk') as string,
    });
    expect(worthOf('unknown')).toMatchObject({
      survives: { node_crash: true, database_crash: false, power_cut: false, failover: false },
      level: 'warn',
    });
  });
});
