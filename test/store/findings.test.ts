import { expect, test } from 'vitest';
import {
  ackFinding,
  schemaFinding,
  serverFindings,
  type Plan,
  type ServerFacts,
} from '../../src/store/findings.ts';

const GOOD: ServerFacts = {
  place: 'the database at db:5432/chat',
  isOfThisMachine: false,
  tls: 'TLSv1.3',
  version: '15.18',
  versionNumber: 150_018,
  encoding: 'UTF8',
  isReadOnly: false,
  isInRecovery: false,
  isPooled: false,
  clockAheadMs: 20,
  clockErrorMs: 5,
  connectionsMax: 97,
  connectionsUsed: 3,
  connectionsFree: 94,
  idleSessionMs: 0,
  otherSettings: [],
};
const PLAN: Plan = { pooler: 'auto', fsyncOff: 'refuse', connections: 12 };

test('a server as it should be', () => {
  expect(serverFindings(GOOD, PLAN).map(({ mark, about, text }) => `${mark} ${about}: ${text}`)).toEqual([
    'ok connection: the database at db:5432/chat, with TLSv1.3',
    'ok version: PostgreSQL 15.18',
    'ok writes: accepted',
    'ok pooler: none',
    'ok connections: a node takes up to 12, two in an update 24; the server allows 97 and has 3 now',
    'ok timeouts: the node sets its own on each connection',
    "ok clock: the database's differs by less than 2 s",
  ]);
});

const other = ['idle_in_transaction_session_timeout = 0 (better 2500ms)'];

test.each<[string, Partial<ServerFacts>, Partial<Plan>, string]>([
  [
    'a connection in the clear',
    { tls: undefined },
    {},
    'warn connection: the database at db:5432/chat, without TLS: others',
  ],
  [
    'one that stays here',
    { tls: undefined, isOfThisMachine: true },
    {},
    'ok connection: the database at db:5432/chat, without TLS, on',
  ],
  [
    'an old version',
    { version: '14.9', versionNumber: 140_009 },
    {},
    'fail version: PostgreSQL 14.9 is too old',
  ],
  ['another encoding', { encoding: 'LATIN1' }, {}, 'fail encoding: the database has the encoding LATIN1'],
  ['a standby', { isInRecovery: true, isReadOnly: true }, {}, 'fail writes: the server is a standby'],
  ['a role that only reads', { isReadOnly: true }, {}, 'fail writes: default_transaction_read_only is on'],
  ['a pooler', { isPooled: true }, {}, 'ok pooler: there is one'],
  [
    'a pooler, said to be none',
    { isPooled: true },
    { pooler: 'off' },
    'warn pooler: there is one, and VAGUS_DATABASE_POOLER is off',
  ],
  ['a pooler, where there is none', {}, { pooler: 'on' }, 'warn pooler: none was found'],
  [
    '[D22] timeouts behind a pooler',
    { isPooled: true, otherSettings: other },
    {},
    `warn timeouts: behind a pooler those of the role count: ${other[0]}`,
  ],
  [
    '[D22] timeouts behind a pooler that is only said',
    { otherSettings: other },
    { pooler: 'on' },
    'warn timeouts: behind a pooler',
  ],
  ['[D22] timeouts that suit a pooler', { isPooled: true }, {}, 'ok timeouts: those of the role are what'],
  [
    '[D22] timeouts of a pooler of sessions',
    { isPooled: true, otherSettings: other },
    { pooler: 'off' },
    'ok timeouts: the node sets its own',
  ],
  [
    'an end for idle sessions',
    { idleSessionMs: 60_000 },
    {},
    'warn timeouts: idle_session_timeout is 60000 ms',
  ],
  ['too few connections', { connectionsMax: 11 }, {}, 'fail connections: a node takes up to 12'],
  [
    'too few for an update',
    { connectionsMax: 23 },
    {},
    'warn connections: a node takes up to 12, two in an update 24',
  ],
  ['just enough', { connectionsMax: 24 }, {}, 'ok connections:'],
  ['too few that are free', { connectionsFree: 11 }, {}, 'warn connections:'],
  [
    'connections of a pooler',
    { isPooled: true, connectionsMax: 10 },
    {},
    'ok connections: a node takes up to 12 of the pooler’s',
  ],
  [
    'a clock ahead',
    { clockAheadMs: 2_600 },
    {},
    "warn clock: the database's is 2.6 s ahead of this machine's",
  ],
  [
    'a clock behind',
    { clockAheadMs: -60_000 },
    {},
    "warn clock: the database's is 60.0 s behind this machine's",
  ],
  ['a clock that cannot be told from ours', { clockAheadMs: 2_600, clockErrorMs: 700 }, {}, 'ok clock:'],
])('%s', (_, facts, plan, expected) => {
  const findings = serverFindings({ ...GOOD, ...facts }, { ...PLAN, ...plan });
  const lines = findings.map(
    ({ mark, about, text }) => `${mark} ${about}: ${text.replace("pooler's", 'pooler’s')}`,
  );
  expect(
    lines.filter((line) => line.startsWith(expected)),
    lines.join('\n'),
  ).toHaveLength(1);
  const abouts = findings.map(({ about }) => about);
  expect(new Set(abouts).size).toBe(abouts.length);
});

test('the schema', () => {
  const good = { missing: [], mayMigrate: false, forbidden: [] };
  expect(schemaFinding(good)).toMatchObject({ mark: 'ok', text: 'up to date' });
  expect(schemaFinding({ ...good, missing: ['0004_bans'], mayMigrate: true })).toMatchObject({
    mark: 'ok',
    text: 'the next start, or vagus migrate, applies 0004_bans',
  });
  expect(schemaFinding({ ...good, missing: ['0004_bans'] })).toMatchObject({ mark: 'fail' });
  expect(schemaFinding({ ...good, forbidden: ['vagus.bans'] })).toMatchObject({
    mark: 'fail',
    text: expect.stringContaining('vagus.bans') as string,
  });
  expect(schemaFinding({ trouble: 'too new' })).toEqual({ mark: 'fail', about: 'schema', text: 'too new' });
});

test('[D21] acks', () => {
  const commits = {
    fsync: true,
    fullPageWrites: true,
    synchronousCommit: 'on',
    walWriterDelayMs: 200,
    standbyNames: '',
    standbys: undefined,
  } as const;
  expect(ackFinding(commits, PLAN).mark).toBe('ok');
  expect(ackFinding({ ...commits, synchronousCommit: 'off' }, PLAN).mark).toBe('warn');
  expect(ackFinding({ ...commits, fsync: false }, PLAN).mark).toBe('fail');
  expect(ackFinding({ ...commits, fsync: false }, { ...PLAN, fsyncOff: 'allow' }).mark).toBe('warn');
  expect(ackFinding('embedded', PLAN).mark).toBe('warn');
  expect(ackFinding('unknown', PLAN).mark).toBe('warn');
});
