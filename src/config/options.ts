import { ConfigError } from './config-error.ts';
import type { Config, Retention } from './config.ts';
import { textOf } from './file.ts';
import { nearest } from './nearest.ts';
import { Unfit, type Parser } from './parser.ts';
import { checkRelations, checkRetention } from './relations.ts';
import { FIELDS, SETTINGS, standard, type Setting } from './settings.ts';
import { isObject, shown } from './shown.ts';

/**
 * Settings of a program: fields of {@link Config}. A missing or undefined field has the default of `vagus serve`. Times are
 * in milliseconds, sizes in bytes; 0 turns a setting off where that is possible.
 */
export type EngineSettings = { readonly [Field in keyof Config]?: OptionOf<Config[Field]> | undefined };

/** Retention needs only the kinds of channels that are not kept for ever. */
type OptionOf<Value> = Value extends Retention ? Partial<Retention> : Value;

/**
 * One frozen configuration of a program's own settings. It reads neither environment nor files, and it has no admin port by
 * default. Throws a {@link ConfigError} for an unknown field, an invalid value, and values that do not fit each other.
 */
export function configOfSettings(settings: EngineSettings): Config {
  for (const name of Object.keys(settings)) if (!isField(name)) throw unknownField(name);
  const config = Object.fromEntries(
    FIELDS.map((field) => [field, valueOf(field, settings[field])]),
  ) as unknown as Config;
  if (config.jwtSecret === undefined && config.jwks === undefined)
    throw new ConfigError('jwtSecret is not set, nor jwks: tokens could not be checked');
  checkRelations(config, byField);
  checkRetention(config, byField);
  return Object.freeze(config);
}

const byField = (field: keyof Config): string => field;

function isField(name: string): name is keyof Config {
  return (FIELDS as readonly string[]).includes(name);
}

function unknownField(name: string): ConfigError {
  const meant = nearest(name, FIELDS);
  return new ConfigError(`${name} is not an option${meant === undefined ? '' : `: did you mean ${meant}?`}`);
}

function valueOf(field: keyof Config, given: unknown): unknown {
  const setting = SETTINGS[field] as Setting;
  const { parser } = setting;
  // An empty list equals a list that is not set.
  const isEmptyList = parser.json === 'list' && Array.isArray(given) && given.length === 0;
  if (given !== undefined && !isEmptyList) return parsed(field, setting, given);
  const text = field === 'adminPort' ? undefined : standard(setting, 'serve');
  if (text !== undefined) return parser.parse(text);
  return parser.json === 'list' ? [] : undefined;
}

/** Parses the text that a variable would have, so that the bounds exist once. */
function parsed(field: keyof Config, setting: Setting, given: unknown): unknown {
  const { parser } = setting;
  if (!isTypeOf(setting, given)) throw wrongType(field, setting, given);
  if (parser.json === 'list') return listOf(field, parser, given as readonly unknown[]);
  if (parser.json === 'map') checkMap(field, parser, given as object);
  const value = parser.parse(optionText(field, setting, given) ?? '');
  if (!(value instanceof Unfit)) return value;
  // The message repeats neither a secret nor a URL that may hold one.
  const was = setting.shown === 'all' ? `is ${shown(given)}, but ` : '';
  throw new ConfigError(`${field} ${was}must be ${parser.option ?? parser.may}`);
}

/** A program passes numbers as numbers and lists as lists. A text that looks like one is a mistake. */
function isTypeOf({ parser }: Setting, given: unknown): boolean {
  switch (parser.json) {
    case 'number':
      return typeof given === 'number';
    case 'switch':
      return typeof given === 'boolean';
    case 'list':
      return Array.isArray(given);
    case 'map':
      return isObject(given);
    default:
      return typeof given === 'string';
  }
}

/**
 * A value of the wrong type may still be a secret, for instance in a `Buffer`. For such a setting the message names only
 * the type.
 */
function wrongType(field: keyof Config, { parser, shown: isShown }: Setting, given: unknown): ConfigError {
  const what = isShown === 'all' || given === null ? shown(given) : `of the type ${typeof given}`;
  const must = parser.option ?? `a string: ${parser.may}`;
  return new ConfigError(`${field} is ${what}, but must be ${must}`);
}

/** Removes duplicates, as a setting does. */
function listOf(field: keyof Config, { each }: Parser<unknown>, given: readonly unknown[]): unknown {
  const values = given.map((entry) => {
    const value = isEntry(entry) ? each?.parse(entry.trim()) : new Unfit();
    if (value instanceof Unfit)
      throw new ConfigError(`${field} has ${shown(entry)}, but each entry must be ${each?.may}`);
    return value;
  });
  return [...new Set(values)];
}

/** A text with commas means several entries in a setting, but here it is a mistake. */
function isEntry(entry: unknown): entry is string {
  return typeof entry === 'string' && !entry.includes(',');
}

function checkMap(field: keyof Config, { keys = [], each }: Parser<unknown>, given: object): void {
  for (const [key, part] of Object.entries(given)) {
    if (!keys.includes(key)) throw new ConfigError(`${field}.${key} is none of ${keys.join(', ')}`);
    if (part === undefined) continue;
    if (typeof part !== 'number' || each?.parse(inMs(part)) instanceof Unfit)
      throw new ConfigError(`${field}.${key} is ${shown(part)}, but must be ${each?.option}`);
  }
}

function optionText(field: keyof Config, setting: Setting, given: unknown): string | undefined {
  if (setting.parser.json === 'map') {
    const parts = Object.entries(given as object).filter(([, part]) => part !== undefined);
    return textOf(Object.fromEntries(parts.map(([key, ms]) => [key, inMs(ms as number)])), setting);
  }
  return field.endsWith('Ms') ? inMs(given as number) : textOf(given, setting);
}

const inMs = (value: number): string => (value === 0 ? '0' : `${value}ms`);
