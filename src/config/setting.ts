import type { Shown } from './mask.ts';
import { whole, type Parser } from './parser.ts';

/** The ways to run a node, which differ in some defaults. */
export type Mode = 'dev' | 'serve';

export const GROUPS = [
  'Network',
  'Store',
  'Cluster',
  'Tokens',
  'Limits',
  'Rooms and presence',
  'Node',
] as const;

/** One setting. The reader, the flag, `vagus config`, `--help` and the check of the documentation all use it. */
export interface Setting<Value = unknown> {
  readonly group: (typeof GROUPS)[number];
  readonly variable: string;
  /** Its name in a configuration file, and as a flag behind `--`. */
  readonly key: string;
  /** Every user of the machine can see the arguments of a process, so no secret is a flag. */
  readonly isFlag: boolean;
  readonly parser: Parser<Value>;
  /** The text of the default; undefined when it is not set. */
  readonly default: string | Readonly<Record<Mode, string>> | undefined;
  readonly what: string;
  readonly shown: Shown;
}

type Rest<Value> = Omit<Setting<Value>, 'group' | 'key' | 'isFlag' | 'shown'> &
  Partial<Pick<Setting, 'isFlag' | 'shown'>>;

export function setting<Value>(group: Setting['group'], rest: Rest<Value>): Setting<Value> {
  const key = rest.variable
    .replace(/^VAGUS_/, '')
    .toLowerCase()
    .replaceAll('_', '-');
  return { isFlag: true, shown: 'all', ...rest, group, key };
}

export const limit = (variable: string, max: number, standard: string, what: string): Setting<number> =>
  setting('Limits', { variable, parser: whole(1, max, 0), default: standard, what });

export const span = (
  group: Setting['group'],
  variable: string,
  parser: Parser<number>,
  [standard, what]: readonly [string, string],
): Setting<number> => setting(group, { variable, parser, default: standard, what });
