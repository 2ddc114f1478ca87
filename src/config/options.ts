import { ConfigError } from './config-error.ts';
import type { Config, Retention } from './config.ts';
import { textOf } from './file.ts';
import { nearest } from './nearest.ts';
import { Unfit } from './parser.ts';
import { refusal } from './read.ts';
import { checkRelations, checkRetention } from './relations.ts';
import { FIELDS, SETTINGS, standard, type Setting } from './settings.ts';

/**
 * Settings as a program gives them: fields of {@link Config}, each with the default of `vagus serve` where it is missing
 * or undefined. Times in milliseconds, sizes in bytes; 0 where a setting may be off.
 */
export type EngineSettings = { readonly [Field in keyof Config]?: OptionOf<Config[Field]> | undefined };

/** Of retention only the kinds that are not kept for ever need be named. */
type OptionOf<Value> = Value extends Retention ? Partial<Retention> : Value;

/**
 * One frozen configuration of a program's own settings; neither environment nor files are read, and there is no admin port
 * unless one is given. Throws a {@link ConfigError} for a field that is none, a value that cannot be one, and values that
 * do not fit each other.
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
  return new ConfigError(`${name} is no option${meant === undefined ? '' : `: did you mean ${meant}?`}`);
}

function valueOf(field: keyof Config, given: unknown): unknown {
  const setting = SETTINGS[field] as Setting;
  const { parser } = setting;
  // As a configuration has it where nothing is set.
  const isEmptyList = parser.json === 'list' && Array.isArray(given) && given.length === 0;
  if (given !== undefined && !isEmptyList) return parsed(field, setting, given);
  const text = field === 'adminPort' ? undefined : standard(setting, 'serve');
  if (text !== undefined) return parser.parse(text);
  return parser.json === 'list' ? [] : undefined;
}

/** By way of the text that a variable would have: so there is one set of bounds. */
function parsed(field: keyof Config, setting: Setting, given: unknown): unknown {
  const isTime = field.endsWith('Ms');
  const text = isTypeOf(setting, given) ? optionText(given, setting, isTime) : undefined;
  const value = text === undefined ? new Unfit() : setting.parser.parse(text);
  if (!(value instanceof Unfit)) return value;
  const { message } = refusal(setting, field, shown(given), value.part);
  throw new ConfigError(isTime ? `${message}, as a number of milliseconds` : message);
}

/** A program gives a number as a number and a list as a list: a text that looks like one is a mistake. */
function isTypeOf({ parser }: Setting, given: unknown): boolean {
  switch (parser.json) {
    case 'number':
      return typeof given === 'number';
    case 'switch':
      return typeof given === 'boolean';
    case 'list':
      return Array.isArray(given);
    case 'map':
      return typeof given === 'object' && given !== null && !Array.isArray(given);
    default:
      return typeof given === 'string';
  }
}

function optionText(given: unknown, setting: Setting, isTime: boolean): string | undefined {
  if (setting.parser.json === 'map') {
    const parts = Object.entries(given as object).filter(([, part]) => part !== undefined);
    if (!parts.every(([, part]) => typeof part === 'number')) return undefined;
    return textOf(Object.fromEntries(parts.map(([kind, ms]) => [kind, inMs(ms as number)])), setting);
  }
  return isTime ? inMs(given as number) : textOf(given, setting);
}

const inMs = (value: number): string => (value === 0 ? '0' : `${value}ms`);

/** As it can be shown in one line, also what JSON has no word for. */
function shown(given: unknown): unknown {
  if (typeof given === 'number' && Number.isFinite(given)) return given;
  const isPlain = given === null || ['string', 'boolean', 'object'].includes(typeof given);
  try {
    return isPlain && JSON.stringify(given) !== undefined ? given : String(given);
  } catch {
    return 'an object that is no JSON';
  }
}
