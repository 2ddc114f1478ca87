import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { codeOf, files, functionLengths, read, ROOT } from './support/source.ts';

// The repository tests itself. Each check has a canary: something bad that it must find, so that a check
// which reads nothing cannot pass.

interface Run {
  readonly status: number | null;
  readonly output: string;
}

function run(tool: string, args: readonly string[], cwd = ROOT): Run {
  const { status, stdout, stderr } = spawnSync(`${ROOT}node_modules/.bin/${tool}`, args, {
    cwd,
    encoding: 'utf8',
    // attw packs the package: its prepare script would remove and rebuild dist while other tests run it.
    env: { ...process.env, npm_config_ignore_scripts: 'true' },
  });
  return { status, output: `${stdout}${stderr}` };
}

const fixture = (name: string): string => `${ROOT}test/fixtures/${name}`;

describe('tools', () => {
  test.each([
    ['what is published', ['src', 'client']],
    ['all else', ['.', '!src/**', '!client/**']],
  ])(
    'formatting of %s',
    (_, which) => {
      const { output } = run('prettier', ['--check', ...which]);
      expect(output).toContain('All matched files use Prettier code style!');
    },
    60_000,
  );

  test('formatting that is bad is found', () => {
    const bad = spawnSync(`${ROOT}node_modules/.bin/prettier`, ['--check', '--stdin-filepath', 'x.ts'], {
      input: 'const a = "b"',
    });
    expect(bad.status).not.toBe(0);
  });

  test('lint, with types', () => {
    const { status, output } = run('oxlint', ['--type-aware']);
    expect(status, output).toBe(0);
    expect(output).toMatch(/on \d{3} files/);
    // The same rules, without the patterns that leave the fixtures out.
    const folder = mkdtempSync(join(tmpdir(), 'vagus-lint-'));
    const rules = { ...(JSON.parse(read('.oxlintrc.json')) as object), ignorePatterns: [] };
    writeFileSync(join(folder, 'oxlintrc.json'), JSON.stringify(rules));
    const canary = run('oxlint', ['--type-aware', '-c', join(folder, 'oxlintrc.json'), '.'], fixture('lint'));
    rmSync(folder, { recursive: true });
    expect(canary.output).toContain('no-floating-promises');
    expect(canary.status).not.toBe(0);
  }, 60_000);

  test('types', () => {
    // The client and the page have settings of their own, with which the build before the tests has checked them.
    const { status, output } = run('tsc', ['--noEmit']);
    expect(status, output).toBe(0);
    expect(run('tsc', ['--noEmit', '-p', fixture('types')]).output).toContain('TS2322');
  }, 120_000);

  test('layers', () => {
    const { status, output } = run('depcruise', ['src', 'client/src']);
    expect(status, output).toBe(0);
    expect(Number(/(\d+) modules/.exec(output)?.[1])).toBeGreaterThan(100);
    const canary = run(
      'depcruise',
      ['src', 'client/src', '--config', `${ROOT}.dependency-cruiser.cjs`],
      fixture('layers'),
    );
    expect(canary.output).toContain('actors-imports-only-what-it-may');
    expect(canary.output).toContain('the-client-stands-alone');
    expect(canary.output).toContain('actors-kit-imports-nothing-above-it');
    expect(canary.output).toContain('actors-relay-knows-others-by-their-messages');
    expect(canary.status).not.toBe(0);
  }, 60_000);

  test('unused files, exports and dependencies', () => {
    const { status, output } = run('knip', []);
    expect(status, output).toBe(0);
    expect(run('knip', ['--no-config-hints'], fixture('unused')).output).toContain('src/dead.ts');
  }, 60_000);

  test('the client is as small as it says', () => {
    const { status, stdout } = spawnSync('node', ['scripts/size.mjs'], { cwd: ROOT, encoding: 'utf8' });
    expect(status, stdout).toBe(0);
    const bounds = [...stdout.matchAll(/of (\d+) bytes/g)].map(([, bytes]) => Number(bytes));
    expect(bounds).toHaveLength(4);
    // The base has at most 10 KB.
    expect(bounds[3]).toBeLessThanOrEqual(10_240);
    const [minified, gzipped, ofBase, ofBaseGzipped] = bounds.map((bytes) => bytes.toLocaleString('en'));
    const text = read('docs/client.md').replaceAll(/\s+/g, ' ');
    expect(text).toContain(`at most ${minified} bytes minified, ${gzipped} compressed`);
    expect(text).toContain(`its base ${ofBase} and ${ofBaseGzipped}`);
  }, 60_000);

  test('the client that is published has all it needs', () => {
    const packed = JSON.parse(
      spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', './client'], {
        cwd: ROOT,
        encoding: 'utf8',
      }).stdout,
    ) as [{ files: { path: string }[] }];
    const paths = packed[0].files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        'dist/index.js',
        'dist/index.d.ts',
        'dist/base.js',
        'dist/core.js',
        'README.md',
      ]),
    );
    expect(paths.filter((path) => !/^dist\/|^(package\.json|README\.md|LICENSE)$/.test(path))).toEqual([]);
    expect(run('publint', ['client']).output).toContain('All good!');
    const types = run('attw', ['--pack', 'client', '--profile', 'esm-only', '--format', 'json']);
    expect(types.status, types.output).toBe(0);
  }, 60_000);

  test('the types that are published stand on what is installed with them', () => {
    const missing = new Set<string>();
    const seen = new Set<string>();
    const walk = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      for (const [, from = ''] of readFileSync(file, 'utf8').matchAll(/(?:from|import\()\s*'([^']+)'/g)) {
        if (from.startsWith('.')) walk(join(dirname(file), from.replace(/\.ts$/, '.d.ts')));
        // Of these the types are in a package of their own, which nobody but us has installed.
        else if (['ws', 'pg', 'proxy-addr'].includes(from)) missing.add(`${file} imports ${from}`);
      }
    };
    walk(`${ROOT}dist/index.d.ts`);
    expect(seen.size).toBeGreaterThan(10);
    expect([...missing]).toEqual([]);
    // Canary: it sees such an import where there is one.
    walk(`${ROOT}dist/transport/ws/ws-sockets.d.ts`);
    expect(missing.size).toBeGreaterThan(0);
  });

  test('the published package has all its types and files', () => {
    const lint = run('publint', []);
    expect(lint.output).toContain('All good!');
    expect(run('publint', [], fixture('package')).status).not.toBe(0);
    const types = run('attw', ['--pack', '.', '--profile', 'esm-only', '--format', 'json']);
    expect(types.status, types.output).toBe(0);
    const packed = JSON.parse(
      spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: ROOT, encoding: 'utf8' })
        .stdout,
    ) as [{ files: { path: string }[] }];
    const paths = packed[0].files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        'dist/cli/main.js',
        'dist/page/chat/index.html',
        'dist/page/client/index.js',
        'dist/store/postgres/pglite-worker.js',
        'drizzle/0000_log.sql',
        'drizzle/meta/_journal.json',
      ]),
    );
    expect(
      paths.filter((path) => !/^(dist|drizzle)\/|^(package\.json|README\.md|LICENSE)$/.test(path)),
    ).toEqual([]);
  }, 120_000);
});

const BANNED_IN_CORE = [
  /\bDate\b/,
  /\bperformance\b/,
  /\bMath\.random\b/,
  /\bsetTimeout\b/,
  /\bsetInterval\b/,
  /\bsetImmediate\b/,
  /\bqueueMicrotask\b/,
  /\brandomUUID\b/,
  /\bprocess\./,
  /\bconsole\b/,
  /\bPromise\b/,
  /\basync\b/,
  /\bawait\b/,
  /\bBuffer\b/,
];

describe('code', () => {
  test('[D17] the core reads no clock, rolls no dice, waits for nothing and knows no platform', () => {
    const platform = ['index', 'base', 'platform', 'rest'].map((name) => `client/src/${name}.ts`);
    const client = files('client/src').filter((file) => !platform.includes(file));
    expect(client.length).toBeGreaterThan(20);
    const core = [...files('src/actors', 'src/limits', 'src/runtime'), ...client];
    expect(core.length).toBeGreaterThan(50);
    const bannedIn = (text: string): RegExp[] => {
      const code = codeOf(text);
      return BANNED_IN_CORE.filter((banned) => banned.test(code));
    };
    const found = core.flatMap((file) => bannedIn(read(file)).map(({ source }) => `${file}: ${source}`));
    expect(found).toEqual([]);
    const canary = '/* Date in a comment */ const at = Date.now(); // await';
    expect(bannedIn(canary)).toEqual([/\bDate\b/]);
  });

  test('only config/ reads the environment', () => {
    const readers = files('src').filter(
      (file) => /process\.env/.test(read(file)) && /process\.env/.test(codeOf(read(file))),
    );
    expect(readers).toEqual(['src/config/read.ts']);
  });

  test('files and functions stay small', () => {
    const long = files('src/*.ts', 'client/*.ts').map((file) => ({
      file,
      lines: read(file).split('\n').length,
    }));
    expect(long.length).toBeGreaterThan(80);
    expect(long.filter(({ lines }) => lines > 400)).toEqual([]);
    // A ratchet: those over 300 may become fewer, not more.
    expect(long.filter(({ lines }) => lines > 300).length).toBeLessThanOrEqual(3);
    const median = long.map(({ lines }) => lines).toSorted((a, b) => a - b)[long.length >> 1];
    expect(median).toBeLessThan(150);
    const functions = files('src/*.ts', 'client/*.ts').flatMap((file) =>
      functionLengths(read(file)).map((found) => ({ file, ...found })),
    );
    expect(functions.length).toBeGreaterThan(500);
    expect(functions.filter(({ lines }) => lines > 65)).toEqual([]);
    expect(functionLengths(`function long() {\n${'a();\n'.repeat(80)}}`)).toEqual([
      { name: 'long', lines: 82 },
    ]);
  });

  test('the promises around the core are a shell: less than 150 lines', () => {
    const isShell = (text: string): boolean => text.trimEnd().split('\n').length < 150;
    const shell = read('client/src/index.ts');
    expect(shell).toContain('export class Client extends BaseClient {');
    expect(isShell(shell)).toBe(true);
    expect(isShell(`${shell}${'// more\n'.repeat(150)}`)).toBe(false);
    expect([isShell('//\n'.repeat(149)), isShell('//\n'.repeat(150))]).toEqual([true, false]);
  });

  test('nothing is left for later', () => {
    const marks = /TODO|FIXME|XXX|not implemented/;
    const self = 'test/tidy.test.ts';
    expect(
      files('*.ts', '*.mjs', '*.md', '*.sql').filter((file) => file !== self && marks.test(read(file))),
    ).toEqual([]);
    expect(marks.test(read(self))).toBe(true);
  });

  test('no test is skipped, focused or tried twice', () => {
    const escapes = /\b(test|describe|it)\.(skip|only|todo|fails|skipIf|runIf)\b|\bretry:/;
    expect(
      files('test/*.ts').filter((file) => file !== 'test/tidy.test.ts' && escapes.test(read(file))),
    ).toEqual([]);
    expect(escapes.test('describe.skip(')).toBe(true);
  });

  test('names say what a thing is', () => {
    expect(files('src').filter((file) => /\/(utils?|helpers?|common|manager|misc)\b/.test(file))).toEqual([]);
    expect(
      files('src').filter(
        (file) =>
          !/^src\/[a-z0-9-]+(\/[a-z0-9-]+)*(\.machine|\.d)?\.ts$/.test(file) &&
          !/^src\/page\/[a-z0-9-]+\/([a-z0-9-]+\.(html|css|svg)|tsconfig\.json)$/.test(file),
      ),
    ).toEqual([]);
  });

  test('no driver’s name, secret or built file is committed by mistake', () => {
    expect(files('dist', '.vagus', '*.log', '*.tgz', 'node_modules')).toEqual([]);
    expect(read('package-lock.json')).not.toMatch(/"resolved": "(?!client")/);
  });
});
