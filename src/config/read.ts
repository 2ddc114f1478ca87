import type { Config } from './config.ts';
import { ConfigError } from './config-error.ts';
import { readConfigFile, textOf, type ConfigFile } from './file.ts';
import { mask } from './mask.ts';
import { nearest } from './nearest.ts';
import { Unfit } from './parser.ts';
import { checkRelations, checkRetention } from './relations.ts';
import { FIELDS, FILE_SETTING, SETTINGS, standard, type Mode, type Setting } from './settings.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Sources {
  readonly mode: Mode;
  /** Values by key, without dashes. */
  readonly flags?: Readonly<Record<string, string>>;
  readonly environment?: Environment | undefined;
  /** The folder that may contain `vagus.json`. */
  readonly folder?: string;
}

/** One setting: the text that counts, and its source. */
interface Found<Value> {
  /** Undefined when it is not set. */
  readonly value: Value;
  readonly text: string | undefined;
  /** The name in its source: variable, flag, or key of a file. */
  readonly name: string;
  readonly source: string;
}

/** All settings, read but not compared with each other yet. */
export interface Reading {
  readonly found: { readonly [Field in keyof Config]: Found<Config[Field] | undefined> };
  /** Unknown names, one per line. */
  readonly warnings: readonly string[];
}

/**
 * Reads every setting. A flag overrides a variable, a variable the file, and the file the default. An empty variable is not
 * set. Throws a {@link ConfigError} for an invalid value.
 */
export function readSettings(sources: Sources): Reading {
  const { mode, flags = {}, environment = process.env, folder = '.' } = sources;
  const file = readConfigFile(
    flags[FILE_SETTING.key] ?? (environment[FILE_SETTING.variable] || undefined),
    folder,
  );
  const found = Object.fromEntries(
    FIELDS.map((field) => [field, findOne(SETTINGS[field], { mode, flags, environment, file })]),
  );
  return {
    found: found as unknown as Reading['found'],
    warnings: [...unknownKeys(file), ...unknownVariables(environment)],
  };
}

interface Places {
  readonly mode: Mode;
  readonly flags: Readonly<Record<string, string>>;
  readonly environment: Environment;
  readonly file: ConfigFile | undefined;
}

function findOne(setting: Setting, { mode, flags, environment, file }: Places): Found<unknown> {
  const { variable, key } = setting;
  const flag = setting.isFlag ? flags[key] : undefined;
  if (flag !== undefined) return parsed(setting, flag, { name: `--${key}`, source: 'flag' });
  const set = environment[variable];
  if (set) return parsed(setting, set, { name: variable, source: 'environment' });
  if (file?.values.has(key)) {
    const value = file.values.get(key);
    const place = { name: `${key} in ${file.name}`, source: `file ${file.name}` };
    // An empty list in JSON is intended. An empty text is a list without its entries.
    if (setting.parser.json === 'list' && Array.isArray(value) && value.length === 0)
      return { value: [], text: '', ...place };
    const text = textOf(value, setting);
    if (text === undefined) throw refusal(setting, place.name, value);
    return parsed(setting, text, place);
  }
  const text = standard(setting, mode);
  const place = { name: variable, source: 'default' };
  if (text !== undefined) return parsed(setting, text, place);
  // A list that is not set is empty.
  return { value: setting.parser.json === 'list' ? [] : undefined, text: undefined, ...place };
}

function parsed(
  setting: Setting,
  text: string,
  place: { readonly name: string; readonly source: string },
): Found<unknown> {
  const value = setting.parser.parse(text);
  if (value instanceof Unfit) throw refusal(setting, place.name, text, value.part);
  return { value, text, ...place };
}

/** The message repeats neither a secret nor a URL that may hold one. */
function refusal({ shown, parser }: Setting, name: string, was: unknown, part?: string): ConfigError {
  if (shown !== 'all') return new ConfigError(`${name} must be ${parser.may}`);
  const said = part === undefined ? `is ${JSON.stringify(was)}` : `has ${JSON.stringify(part)}`;
  return new ConfigError(`${name} ${said}, but must be ${parser.may}`);
}

function unknownKeys(file: ConfigFile | undefined): string[] {
  const known = FIELDS.map((field) => SETTINGS[field].key);
  return [...(file?.values.keys() ?? [])]
    .filter((key) => !known.includes(key))
    .map((key) => unknown(`${JSON.stringify(key)} in ${file?.name}`, nearest(key, known)));
}

function unknownVariables(environment: Environment): string[] {
  const known = [FILE_SETTING.variable, ...FIELDS.map((field) => SETTINGS[field].variable)];
  return Object.keys(environment)
    .filter((name) => name.startsWith('VAGUS_') && !known.includes(name))
    .map((name) => unknown(name, nearest(name, known)));
}

function unknown(name: string, meant: string | undefined): string {
  return `${name} is not a setting${meant === undefined ? '' : `: did you mean ${meant}?`}`;
}

/** The text of a setting without its secrets. */
export function shownText(field: keyof Config, text: string | undefined): string {
  return text === undefined ? 'not set' : mask(text, SETTINGS[field].shown) || 'none';
}

/** Defaults for {@link configOf}. */
export interface Otherwise extends Partial<Omit<Config, 'jwtSecret'>> {
  /** Makes the secret when neither a secret nor a JWKS is set. It may store the secret in the data folder, or throw. */
  readonly jwtSecret: (dataDir: string) => string | undefined;
}

/** One frozen configuration. Throws a {@link ConfigError} when its parts do not fit each other. */
export function configOf({ found }: Reading, { jwtSecret, ...otherwise }: Otherwise): Config {
  const values = Object.fromEntries(FIELDS.map((field) => [field, found[field].value])) as unknown as Config;
  const unset = FIELDS.filter((field) => found[field].source === 'default');
  const defaults = Object.fromEntries(
    Object.entries(otherwise).filter(([field]) => unset.includes(field as keyof Config)),
  );
  const { dataDir, jwks, jwtSecret: secret } = values;
  const made = secret ?? (jwks === undefined ? jwtSecret(dataDir) : undefined);
  const config: Config = { ...values, ...defaults, jwtSecret: made };
  const nameOf = (field: keyof Config): string => found[field].name;
  checkRelations(config, nameOf);
  checkRetention(config, nameOf);
  return Object.freeze(config);
}
