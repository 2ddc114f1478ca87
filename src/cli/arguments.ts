import { parseArgs } from 'node:util';
import { ConfigError } from '../config/config-error.ts';
import { nearest } from '../config/nearest.ts';

/** The arguments behind a command. */
export interface Given {
  /** Values by flag, without dashes. */
  readonly flags: Readonly<Record<string, string>>;
  readonly words: readonly string[];
  readonly isHelpAsked: boolean;
}

export interface Accepted {
  readonly command: string;
  /** Flags without dashes. Each takes a value. */
  readonly flags: readonly string[];
  /** Positional words that the command accepts; none by default. */
  readonly words?: readonly string[];
  /** Flags that a user may look for, each with why it does not exist. */
  readonly refused?: Readonly<Record<string, string>>;
}

/** Parses arguments. Throws a {@link ConfigError} for an unknown or repeated flag and for a missing value. */
export function parseCommandLine(args: readonly string[], accepted: Accepted): Given {
  const { command, flags: known, words: knownWords = [], refused = {} } = accepted;
  const wrong = (message: string): ConfigError => new ConfigError(`${message}\nSee: vagus ${command} --help`);
  const { tokens } = parseArgs({
    args: [...args],
    options: {
      ...Object.fromEntries(known.map((name) => [name, { type: 'string' as const }])),
      help: { type: 'boolean', short: 'h' },
    },
    // `parseArgs` reports errors in paragraphs, and suggests no similar names.
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const flags: Record<string, string> = {};
  const words: string[] = [];
  let isHelpAsked = false;
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') {
      if (!knownWords.includes(token.value) || words.length > 0)
        throw wrong(`${command} does not take ${JSON.stringify(token.value)}`);
      words.push(token.value);
    } else if (token.name === 'help' && token.value === undefined) {
      isHelpAsked = true;
    } else if (!known.includes(token.name)) {
      const { name, rawName } = token;
      const meant = nearest(name, known);
      const why = Object.hasOwn(refused, name) ? refused[name] : undefined;
      throw wrong(why ?? `there is no flag ${rawName}${meant ? `: did you mean --${meant}?` : ''}`);
    } else if (token.value === undefined || (!token.inlineValue && token.value.startsWith('--'))) {
      throw wrong(`${token.rawName} needs a value`);
    } else if (flags[token.name] !== undefined) {
      throw wrong(`${token.rawName} appears twice`);
    } else {
      flags[token.name] = token.value;
    }
  }
  return { flags, words, isHelpAsked };
}
