import { describe, expect, test } from 'vitest';
import { commandHelp, REFUSED_FLAGS, settingFlags } from '../../src/cli/help.ts';
import { parseCommandLine } from '../../src/cli/arguments.ts';
import { COMMANDS } from '../../src/cli/texts.ts';
import { FIELDS, SETTINGS } from '../../src/config/settings.ts';

const parse = (...args: string[]) =>
  parseCommandLine(args, {
    command: 'serve',
    flags: ['port', 'host'],
    words: ['dev', 'serve'],
    refused: REFUSED_FLAGS,
  });

describe('a command line', () => {
  test('has flags with values, a word, and a cry for help', () => {
    expect(parse('dev', '--port', '1', '--host=::')).toEqual({
      flags: { port: '1', host: '::' },
      words: ['dev'],
      isHelpAsked: false,
    });
    expect(parse('--host', '-a').flags).toEqual({ host: '-a' });
    expect(parse('--host=--a').flags).toEqual({ host: '--a' });
    expect(parse('--help').isHelpAsked).toBe(true);
    expect(parse('-h', '--port', '1').isHelpAsked).toBe(true);
  });

  test.each([
    [['--prot', '1'], 'there is no flag --prot: did you mean --port?'],
    [['--xyzzy'], 'there is no flag --xyzzy'],
    [['-p', '1'], 'there is no flag -p'],
    [['--__proto__=1'], 'there is no flag --__proto__'],
    [['--constructor'], 'there is no flag --constructor'],
    [['--port'], '--port needs a value'],
    [['--port', '--host', 'a'], '--port needs a value'],
    [['--port', '1', '--port=2'], '--port appears twice'],
    [['--help=1'], 'there is no flag --help'],
    [['extra'], 'serve does not take "extra"'],
    [['dev', 'serve'], 'serve does not take "serve"'],
    [['--', '--port'], 'serve does not take "--port"'],
    [['--jwt-secret', 'x'], '--jwt-secret would show the secret to every user of this machine'],
  ])('%j is refused, with where to look', (args, message) => {
    expect(() => parse(...args)).toThrow(message);
    expect(() => parse(...args)).toThrow(/\nSee: vagus serve --help$/);
  });
});

describe('help', () => {
  test.each(Object.values(COMMANDS))(
    'of $name names every flag it takes, in lines of 120 at most',
    (command) => {
      const help = commandHelp(command);
      for (const flag of settingFlags(command.settings))
        expect(help).toMatch(new RegExp(`^  --${flag}\\b`, 'm'));
      for (const [flag] of command.flags) expect(help).toContain(`  ${flag}`);
      for (const line of help.split('\n')) expect(line.length, line).toBeLessThanOrEqual(120);
    },
  );

  test('has the defaults of its command', () => {
    expect(commandHelp(COMMANDS.dev)).toMatch(/--host .*\(127\.0\.0\.1\)/);
    expect(commandHelp(COMMANDS.serve)).toMatch(/--host .*\(0\.0\.0\.0\)/);
  });

  test('every setting has a name of its own', () => {
    const keys = FIELDS.map((field) => SETTINGS[field].key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(Object.keys(REFUSED_FLAGS)).toEqual(['cluster-secret', 'jwt-secret']);
  });
});
