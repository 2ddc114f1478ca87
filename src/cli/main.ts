#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { commandHelp, overallHelp, REFUSED_FLAGS, settingFlags } from './help.ts';
import { parseCommandLine, type Given } from './arguments.ts';
import { COMMANDS } from './texts.ts';
import { ConfigError } from '../config/config-error.ts';
import { nearest } from '../config/nearest.ts';
import { readSettings, type Reading } from '../config/read.ts';
import type { Mode } from '../config/settings.ts';

type Command = keyof typeof COMMANDS;

const SIMULATE = { name: 'simulate', summary: 'runs a node under faults on virtual time, from a seed' };

const ALL = [...Object.values(COMMANDS), SIMULATE];

async function main([name, ...args]: readonly string[]): Promise<void> {
  if (name === '--version' || name === '-v') return void process.stdout.write(version());
  if (name === undefined || name === '--help' || name === '-h') return help();
  if (name === 'help') return help(...args);
  if (Object.hasOwn(COMMANDS, name)) return run(name as Command, args);
  if (name !== 'simulate') throw noSuchCommand(name);
  const { simulateCommand } = await import('./commands/simulate.ts');
  process.exitCode = simulateCommand(args);
}

/** `vagus help`, and `vagus help COMMAND`, which is `vagus COMMAND --help`. */
async function help(...[name, ...rest]: readonly string[]): Promise<void> {
  if (name === undefined) return void process.stdout.write(overallHelp(ALL));
  if (rest.length > 0) throw new ConfigError('help takes one command\nSee: vagus --help');
  if (!ALL.some((command) => command.name === name)) throw noSuchCommand(name);
  return main([name, '--help']);
}

async function run(command: Command, args: readonly string[]): Promise<void> {
  const text = COMMANDS[command];
  const given = parseCommandLine(args, {
    command,
    flags: [...text.flags.map(([flag]) => flag.slice(2).split(' ')[0] ?? ''), ...settingFlags(text.settings)],
    words: command === 'config' ? ['dev', 'serve'] : [],
    refused: REFUSED_FLAGS,
  });
  if (given.isHelpAsked) return void process.stdout.write(commandHelp(text));
  const mode: Mode = given.words.includes('dev') ? 'dev' : text.mode;
  const reading = readSettings({ mode, flags: given.flags });
  for (const line of reading.warnings) process.stderr.write(`vagus: warning: ${line}\n`);
  return carryOut(command, { given, reading, mode });
}

interface Asked {
  readonly given: Given;
  readonly reading: Reading;
  readonly mode: Mode;
}

async function carryOut(command: Command, { given, reading, mode }: Asked): Promise<void> {
  switch (command) {
    case 'dev':
      return (await import('./commands/run.ts')).dev(reading);
    case 'serve':
      return (await import('./commands/run.ts')).serve(reading);
    case 'token':
      return (await import('./commands/token.ts')).tokenCommand(given, reading);
    case 'migrate':
      return (await import('./commands/migrate.ts')).migrateCommand(reading);
    case 'doctor':
      process.exitCode = await (await import('./commands/doctor.ts')).doctorCommand(reading);
      return;
    case 'config':
      return (await import('./commands/config.ts')).configCommand(reading, mode);
  }
}

function noSuchCommand(name: string): ConfigError {
  const meant = nearest(
    name,
    ALL.map((command) => command.name),
  );
  const hint = meant === undefined ? '' : `: did you mean vagus ${meant}?`;
  return new ConfigError(`there is no command ${JSON.stringify(name)}${hint}\nSee: vagus --help`);
}

function version(): string {
  const { version: found } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  ) as {
    version: string;
  };
  return `${found}\n`;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  // A person who starts a server needs to know what to do, not the stack.
  process.stderr.write(`vagus: ${error instanceof Error ? error.message || error.name : String(error)}\n`);
  process.exit(1);
}
