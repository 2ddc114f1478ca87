import type { Config } from '../config/config.ts';
import { FIELDS, FILE_SETTING, GROUPS, SETTINGS, standard, type Mode } from '../config/settings.ts';

/** A command as its help describes it. */
export interface CommandText {
  readonly name: string;
  /** Its line in the list of all commands. */
  readonly summary: string;
  /** What follows the name in the usage line. */
  readonly usage: string;
  readonly about: string;
  /** Its own flags: how to write each, and what it does. */
  readonly flags: readonly (readonly [string, string])[];
  /** The settings that it uses. */
  readonly settings: readonly (keyof Config)[];
  readonly mode: Mode;
}

const CONFIG_FLAG = [`--${FILE_SETTING.key} FILE`, 'configuration file, instead of vagus.json'] as const;

/** `vagus COMMAND --help`. */
export function commandHelp({ name, usage, about, flags, settings, mode }: CommandText): string {
  const sections = GROUPS.map((group) => {
    const fields = settings.filter((field) => SETTINGS[field].group === group);
    return { title: group, rows: fields.map((field) => settingRow(field, mode)) };
  }).filter(({ rows }) => rows.length > 0);
  const all = [{ title: '', rows: [...flags, CONFIG_FLAG] }, ...sections];
  const width = Math.max(...all.flatMap(({ rows }) => rows.map(([left]) => left.length)));
  const body = all.map(({ title, rows }) => {
    const lines = rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`);
    return `${title === '' ? '' : `${title}\n`}${lines.join('')}`;
  });
  return `vagus ${name}${usage === '' ? '' : ` ${usage}`}\n\n${about}\n\n${body.join('\n')}\n${FOOTER}`;
}

const FOOTER = `Each of them can also be a variable (--port: VAGUS_PORT) or a key of vagus.json ("port"). A flag overrides
a variable, and a variable overrides the file. docs/configuration.md has the values that each may have.
`;

function settingRow(field: keyof Config, mode: Mode): readonly [string, string] {
  const { key, isFlag, variable, what } = SETTINGS[field];
  const value = standard(SETTINGS[field], mode);
  return [isFlag ? `--${key}` : variable, `${what}${value === undefined ? '' : ` (${value})`}`];
}

/** `vagus --help`. */
export function overallHelp(commands: readonly Pick<CommandText, 'name' | 'summary'>[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const lines = commands.map(({ name, summary }) => `  vagus ${name.padEnd(width)}  ${summary}\n`);
  return `vagus: an actor-model realtime engine

${lines.join('')}
  vagus COMMAND --help  explains a command and lists its settings (also: vagus help COMMAND)
  vagus --version       prints the version (also: -v)

Try it: vagus dev
In production: VAGUS_JWT_SECRET=… DATABASE_URL=postgres://… vagus serve
`;
}

/** The flags of these settings. */
export function settingFlags(settings: readonly (keyof Config)[]): string[] {
  const keys = settings.filter((field) => SETTINGS[field].isFlag).map((field) => SETTINGS[field].key);
  return [FILE_SETTING.key, ...keys];
}

/** Settings that are not flags, each with the reason. */
export const REFUSED_FLAGS: Readonly<Record<string, string>> = Object.fromEntries(
  FIELDS.map((field) => SETTINGS[field])
    .filter(({ isFlag }) => !isFlag)
    .map(({ key, variable }) => [
      key,
      `--${key} would show the secret to every user of this machine: set ${variable}, or ${key} in a file`,
    ]),
);
