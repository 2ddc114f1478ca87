import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Client } from '../client/src/index.ts';
import { CHARTS } from '../src/actors/charts.ts';
import { toMermaid } from '../src/actors/kit/mermaid.ts';
import { Engine } from '../src/engine/engine.ts';
import { askedHooks, HOOK_MS } from '../src/engine/application-hooks.ts';
import { FIELDS, GROUPS, SETTINGS, type Setting } from '../src/config/settings.ts';
import { CLOSE_CODES, ERROR_CODES, HOOK_ERROR_CODES } from '../src/protocol/codes.ts';
import { WIRE_LIMITS } from '../src/protocol/limits.ts';
import { ACKS, ChatPush, ErrorPush, NOTIFICATIONS, RESULTS } from '../src/protocol/pushes.ts';
import { REQUESTS } from '../src/protocol/requests.ts';
import { PROTOCOL_VERSION } from '../src/protocol/version.ts';
import { FAULTS } from '../src/sim/kit/faults.ts';
import { SIMULATE_USAGE } from '../src/cli/commands/simulate.ts';
import { allMutants } from './sim/mutants/plant.ts';
import { files, read } from './support/source.ts';

// What is written is compared with what is, both ways.

const PROTOCOL = read('docs/protocol.md');

/** Rows of the Markdown table under a heading row that begins with these columns. */
function table(text: string, ...columns: string[]): string[][] {
  const rows = text.split('\n').map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const head = rows.findIndex((row) => columns.every((column, at) => row[at] === column));
  expect(head, `a table with ${columns.join(', ')}`).toBeGreaterThanOrEqual(0);
  const end = rows.findIndex((row, at) => at > head + 1 && row.length === 0);
  return rows.slice(head + 2, end < 0 ? undefined : end);
}

const bare = (cell: string | undefined): string => (cell ?? '').replaceAll('`', '');

describe('docs/protocol.md', () => {
  test('no number is skipped without a word', () => {
    const numbers = new Map<string, number[]>();
    for (const [, kind = '', number] of PROTOCOL.matchAll(/\*\*([A-Z]{2})(\d+)\*\*/g))
      numbers.set(kind, [...(numbers.get(kind) ?? []), Number(number)]);
    const skipped = [...numbers].flatMap(([kind, known]) =>
      Array.from({ length: Math.max(...known) }, (_, at) => at + 1)
        .filter((number) => !known.includes(number))
        .map((number) => `${kind}${number}`),
    );
    const [, kept = ''] = /later versions: ([A-Z0-9, ]+)\./.exec(PROTOCOL) ?? [];
    expect(numbers.size).toBeGreaterThan(8);
    expect(skipped.toSorted()).toEqual(kept.split(', ').filter(Boolean).toSorted());
  });

  test('every rule has a test that quotes it, and every quoted rule is there', () => {
    const rules = new Set(
      [...PROTOCOL.matchAll(/\*\*((?:HS|FR|RQ|PU|DG|LC|CL|ER|LM|JW|RS)\d+)\*\*/g)].map((match) => match[1]),
    );
    expect(rules.size).toBeGreaterThan(45);
    const tests = files('test/*.test.ts', 'test/*.contract.ts').map(read).join('\n');
    const quoted = new Set(
      [...tests.matchAll(/\[((?:HS|FR|RQ|PU|DG|LC|CL|ER|LM|JW|RS)\d+)\]/g)].map((match) => match[1]),
    );
    expect([...rules].filter((rule) => !quoted.has(rule))).toEqual([]);
    expect([...quoted].filter((rule) => !rules.has(rule))).toEqual([]);
  });

  test('requests and their fields are those of the schemas', () => {
    const written = table(PROTOCOL, 'type', 'fields').map(([type, fields]) => [
      bare(type),
      bare(fields).split(', ').toSorted(),
    ]);
    const known = Object.entries(REQUESTS).map(([type, schema]) => [
      type,
      Object.keys(schema.shape)
        .filter((field) => field !== 'type')
        .toSorted(),
    ]);
    expect(Object.fromEntries(written)).toEqual(Object.fromEntries(known));
  });

  test('[PU2] notifications are those of the schemas', () => {
    expect(
      table(PROTOCOL, 'action')
        .map(([action]) => bare(action))
        .toSorted(),
    ).toEqual(Object.keys(NOTIFICATIONS).toSorted());
  });

  test('[ER1] error codes are those of the code, with what they say about retrying', () => {
    const written = table(PROTOCOL, 'code', 'retryable').map(([code, retryable]) => [
      bare(code),
      retryable === 'yes',
    ]);
    const known = Object.entries(ERROR_CODES).map(([code, { retryable }]) => [code, retryable]);
    expect(written).toEqual(known);
  });

  test('an error code is reserved exactly as long as nothing sends it', () => {
    const reserved = table(PROTOCOL, 'code', 'retryable')
      .filter(([, , cause]) => cause?.startsWith('reserved'))
      .map(([code]) => bare(code));
    const source = files('src/*.ts')
      .filter((file) => !file.startsWith('src/protocol/'))
      .map(read)
      .join('\n');
    const unsent = Object.keys(ERROR_CODES).filter((code) => !source.includes(`'${code}'`));
    expect(unsent.toSorted()).toEqual(reserved.toSorted());
  });

  test('[CL2] close codes are those of the code', () => {
    const written = table(PROTOCOL, 'code', 'name').map(([code, name]) => [bare(name), Number(code)]);
    expect(Object.fromEntries(written)).toEqual(CLOSE_CODES);
  });

  test('limits named in the text are those of the code', () => {
    const text = PROTOCOL.replaceAll('\n', ' ').replaceAll(/ {2,}/g, ' ');
    expect(text).toContain(`at most ${WIRE_LIMITS.frameBytesMax.toLocaleString('en')} bytes of UTF-8`);
    expect(text).toContain(`Nesting over ${WIRE_LIMITS.nestingMax} levels`);
    expect(text).toContain(`More than ${WIRE_LIMITS.badFramesPerMinuteMax} such frames in a minute`);
    expect(text).toContain(
      `At most ${WIRE_LIMITS.replayPerChannelMax.toLocaleString('en')} a channel and ${WIRE_LIMITS.replayPerRequestMax.toLocaleString('en')} a request`,
    );
    expect(text).toContain(
      `\`limit\` is 1 to ${WIRE_LIMITS.historyLimitMax}, else ${WIRE_LIMITS.historyLimitDefault}`,
    );
    expect(text).toContain(`up to ${WIRE_LIMITS.membersMax.toLocaleString('en')} \`members\``);
    expect(text).toContain(`By user, at most ${WIRE_LIMITS.presencePageMax}`);
    expect(text).toContain(`In a room with more than ${WIRE_LIMITS.namedPresentMax} users present`);
  });

  test('the schemas are those of this version of the wire', () => {
    const schemas = [REQUESTS, NOTIFICATIONS, ACKS, RESULTS].map((group) =>
      Object.entries(group as Record<string, z.ZodType>).map(([name, schema]) => [
        name,
        z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' }),
      ]),
    );
    const single = [ChatPush, ErrorPush].map((schema) => z.toJSONSchema(schema, { unrepresentable: 'any' }));
    const hash = createHash('sha256')
      .update(JSON.stringify([schemas, single, WIRE_LIMITS]))
      .digest('hex')
      .slice(0, 16);
    // A change here is a change of the wire. If old clients still understand everything, put the new hash;
    // if not, raise PROTOCOL_VERSION as well.
    expect({ version: PROTOCOL_VERSION, hash }).toEqual({ version: 1, hash: '9db7fef1a88c2d24' });
  });
});

describe('docs/configuration.md', () => {
  const CONFIGURATION = read('docs/configuration.md');

  /** A default as the table has it. */
  const written = ({ default: value }: Setting): string => {
    if (value === undefined) return 'not set';
    return typeof value === 'string'
      ? `\`${value}\``
      : `\`${value.dev}\` in dev, \`${value.serve}\` in serve`;
  };

  test.each(GROUPS)('%s: settings are those that are read, with flag, default and bounds', (group) => {
    const known = FIELDS.map((field) => SETTINGS[field] as Setting)
      .filter((setting) => setting.group === group)
      .map((setting) => [
        `\`${setting.variable}\``,
        setting.isFlag ? `\`--${setting.key}\`` : 'none',
        written(setting),
        setting.what,
        setting.parser.may,
      ]);
    const [, section = ''] = CONFIGURATION.split(`### ${group}\n`);
    expect(known.length).toBeGreaterThan(1);
    expect(table(section, 'variable', 'flag', 'default')).toEqual(known);
  });

  test('there are no other tables, and every setting is in one', () => {
    const named = [...CONFIGURATION.matchAll(/^\| `([A-Z_]+)`/gm)].map(([, name]) => name);
    expect(named.toSorted()).toEqual(FIELDS.map((field) => SETTINGS[field].variable).toSorted());
    expect([...CONFIGURATION.matchAll(/^### (.+)$/gm)].map(([, title]) => title)).toEqual(GROUPS);
  });

  test('variables that any document names are settings', () => {
    const known = ['VAGUS_CONFIG', 'VAGUS_TEST_INSTALL', ...FIELDS.map((field) => SETTINGS[field].variable)];
    const named = files('*.md').flatMap((file) => read(file).match(/\bVAGUS_[A-Z_]+\b/g) ?? []);
    expect(named.length).toBeGreaterThan(40);
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
  });
});

describe('docs/operations.md', () => {
  const OPERATIONS = read('docs/operations.md');

  test('metrics are those that are exported', () => {
    const written = table(OPERATIONS, 'metric').map(([name]) => bare(name));
    const sources = read('src/telemetry/metrics.ts') + read('src/telemetry/counters.ts');
    const known = [...sources.matchAll(/'(vagus_[a-z_]+)'/g)].map((match) => match[1]);
    expect(written.toSorted()).toEqual([...new Set(known)].toSorted());
  });
});

describe('docs/client.md', () => {
  const CLIENT = read('docs/client.md');

  test('methods, events and options are those of the client', () => {
    const base = Object.getPrototypeOf(Client.prototype) as Client;
    const prototype = {
      ...Object.getOwnPropertyDescriptors(base),
      ...Object.getOwnPropertyDescriptors(Client.prototype),
    } as Readonly<Record<string, PropertyDescriptor>>;
    const methods = Object.keys(prototype).filter((name) => name !== 'constructor' && prototype[name]?.value);
    const written = table(CLIENT, 'method').map(([call]) => bare(call).split('(')[0]);
    expect([...written, 'off'].toSorted()).toEqual(methods.toSorted());
    const source = read('client/src/events.ts');
    const declared = source.slice(
      source.indexOf('interface ClientEvents'),
      source.indexOf('export type EventName'),
    );
    const events = [...declared.matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name ?? '');
    expect(
      table(CLIENT, 'event')
        .map(([event]) => bare(event))
        .toSorted(),
    ).toEqual(events.toSorted());
    const options = /interface ConnectOptions \{(.*?)\n\}/s.exec(read('client/src/base.ts'))?.[1] ?? '';
    const names = [...options.matchAll(/readonly (\w+)/g)].map(([, name]) => name ?? '');
    expect(
      table(CLIENT, 'option')
        .map(([option]) => bare(option))
        .toSorted(),
    ).toEqual(names.toSorted());
  });

  test('the codes of its own are those that it has beside the server’s', () => {
    const sources = files('client/src/*.ts').map(read).join('\n');
    const own = table(CLIENT, 'code', 'cause').map(([code]) => bare(code));
    for (const code of own) expect(sources).toContain(`'${code}'`);
    const said = [...sources.matchAll(/(?:failure\(|\{ code: )'(\w+)'/g)].map(([, code]) => code ?? '');
    expect(said.filter((code) => !own.includes(code) && !Object.hasOwn(ERROR_CODES, code))).toEqual([]);
  });
});

describe('docs/library.md', () => {
  const LIBRARY = read('docs/library.md').replaceAll(/\s+/g, ' ');

  test('codes, deadline and methods are those of the code', () => {
    const codes = HOOK_ERROR_CODES.map((code) => `\`${code}\``);
    expect(LIBRARY).toContain(`Codes are ${codes.slice(0, -1).join(', ')} and ${codes.at(-1)}; a message`);
    const [standard, min, max] = [HOOK_MS.standard, HOOK_MS.min, HOOK_MS.max].map((ms) =>
      ms.toLocaleString('en'),
    );
    expect(LIBRARY).toContain(`${standard} by default, from ${min} to ${max}`);
    const methods = Object.entries(Object.getOwnPropertyDescriptors(Engine.prototype))
      .map(([name]) => name)
      .filter((name) => name !== 'constructor');
    expect(methods.length).toBeGreaterThan(8);
    for (const name of methods) expect(LIBRARY).toMatch(new RegExp(`\`${name}[\`(]`));
  });

  test('hooks are those that are asked', () => {
    const written = table(read('docs/library.md'), 'hook', 'called').map(([name]) => bare(name));
    const hook = (): true => true;
    expect(written).toEqual([...askedHooks({ authorize: hook, beforeMessage: hook })]);
  });
});

describe('ARCHITECTURE.md', () => {
  const ARCHITECTURE = read('ARCHITECTURE.md');

  test('the charts are those that run (else: npm run build && npm run charts)', () => {
    for (const { title, chart } of CHARTS) {
      expect(ARCHITECTURE).toContain(`### ${title}\n\n\`\`\`mermaid\n${toMermaid(chart.machine)}\n\`\`\`\n`);
    }
    expect(ARCHITECTURE.match(/```mermaid/g)).toHaveLength(CHARTS.length);
  });

  test('the glossary is in order, and says where the code has another word only as long as it has', () => {
    const rows = table(ARCHITECTURE, 'term', 'meaning', 'where');
    const terms = rows.map(([term]) => (term ?? '').replace(/ \(.*/, ''));
    expect(terms.length).toBeGreaterThan(50);
    expect(terms).toEqual([...new Set(terms)].toSorted());
    const sources = files('src/*.ts').map(read).join('\n');
    const others = rows.flatMap((row) =>
      [...row.join(' ').matchAll(/\((?:also )?`(\w+)`/g)].map(([, word = '']) => word),
    );
    expect(others.filter((word) => !new RegExp(`\\b${word}\\b`, 'i').test(sources))).toEqual([]);
  });

  test('the map has every folder, and everything it names exists', () => {
    const folders = new Set(
      files('src')
        .map((file) => file.split('/')[1])
        .filter((name) => !name?.endsWith('.ts')),
    );
    for (const folder of folders) expect(ARCHITECTURE).toContain(`**\`${folder}/\`**`);
    const everything = files('.');
    for (const [, name] of ARCHITECTURE.matchAll(/`([a-z0-9./-]+\.(?:ts|cjs|md))`/g)) {
      expect(
        everything.some((file) => file.endsWith(name ?? '?')),
        name,
      ).toBe(true);
    }
  });

  test('a check it names for an invariant is there', () => {
    const tests = files('test');
    for (const [, , checks] of table(ARCHITECTURE, '#', 'invariant')) {
      for (const [, name] of (checks ?? '').matchAll(/`([a-z-]+)`/g)) {
        expect(
          tests.some((file) => file.includes(`/${name}.`)),
          name,
        ).toBe(true);
      }
    }
  });
});

describe('docs/simulation.md', () => {
  const SIMULATION = read('docs/simulation.md');

  test('faults are those of the code', () => {
    const written = table(SIMULATION, 'name', 'what it does').map(([name, what]) => [bare(name), what]);
    expect(Object.fromEntries(written)).toEqual(FAULTS);
  });

  test('options are those of the command', () => {
    const written = table(SIMULATION, 'option').map(([option]) => bare(option).split(' ')[0]);
    const known = [...SIMULATE_USAGE.matchAll(/^ {2}(--[a-z]+)/gm)].map(([, option]) => option);
    expect(written).toEqual(known);
  });

  test('contract suites are those of the tests', () => {
    const written = table(SIMULATION, 'port', 'suites').flatMap(([, suites]) =>
      [...(suites ?? '').matchAll(/`([a-z-]+)`/g)].map(([, suite]) => `test/contract/${suite}.contract.ts`),
    );
    expect(written.toSorted()).toEqual(files('test/contract').toSorted());
  });

  test('planted bugs, their seeds and what they break are those of the tests', async () => {
    const written = table(SIMULATION, 'planted bug').map(([name, seed, invariant]) => ({
      name: bare(name),
      seed: Number(seed),
      invariant: Number(invariant),
    }));
    const known = await allMutants();
    expect(written).toEqual(known.map(({ name, seed, invariant }) => ({ name, seed, invariant })));
  });
});

/** The anchors of a page's headings, as GitHub names them. */
const anchorsOf = (page: string): string[] =>
  [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );

test('links between the documents lead somewhere, and so do their anchors', () => {
  const everything = new Set(files('.'));
  let anchors = 0;
  for (const file of files('*.md')) {
    const folder = file.includes('/') ? file.slice(0, file.lastIndexOf('/') + 1) : '';
    for (const [, link = '', anchor] of read(file).matchAll(/\]\(([^)#]*)(?:#([^)]*))?\)/g)) {
      if (/^https?:/.test(link)) continue;
      const target = link === '' ? file : new URL(link, `file:///${folder}`).pathname.slice(1);
      expect(everything.has(target), `${file}: ${link}`).toBe(true);
      if (anchor === undefined) continue;
      anchors++;
      expect(anchorsOf(read(target)), `${file}: ${link}#${anchor}`).toContain(anchor);
    }
  }
  expect(anchors).toBeGreaterThan(15);
  expect(anchorsOf('## Stored, once (DG1)\n')).toEqual(['stored-once-dg1']);
});

test('the page of the published client leads to nothing that is not published with it', () => {
  const isWithin = (text: string): boolean =>
    [...text.matchAll(/\]\(([^)]+)\)/g)].every(([, link]) =>
      /^(https?:|#|(dist\/|LICENSE$))/.test(link ?? ''),
    );
  expect(isWithin(read('client/README.md'))).toBe(true);
  expect(isWithin('see [the documentation](../docs/client.md)')).toBe(false);
  expect(isWithin('see [the licence](LICENSE)')).toBe(true);
});
