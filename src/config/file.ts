import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from './config-error.ts';
import type { Setting } from './settings.ts';

/** A configuration file: its name, and its unchecked values by key. */
export interface ConfigFile {
  readonly name: string;
  readonly values: ReadonlyMap<string, unknown>;
}

const USUAL = 'vagus.json';

/** The named file, or else `vagus.json` in the folder if it exists. */
export function readConfigFile(named: string | undefined, folder: string): ConfigFile | undefined {
  const name = named ?? USUAL;
  const content = contentOf(named ?? join(folder, USUAL), name, named === undefined);
  if (content === undefined) return undefined;
  const object = parseJson(content, name);
  if (typeof object !== 'object' || object === null || Array.isArray(object))
    throw new ConfigError(`${name} must hold one JSON object, with the names of settings as its keys`);
  return { name, values: new Map(Object.entries(object)) };
}

function contentOf(path: string, name: string, mayBeMissing: boolean): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && mayBeMissing) return undefined;
    throw new ConfigError(
      code === 'ENOENT'
        ? `there is no configuration file ${name}`
        : `the configuration file ${name} cannot be read: ${code}`,
    );
  }
}

/** Leaves out the parser's message, which quotes the file, perhaps a secret. */
function parseJson(content: string, name: string): unknown {
  try {
    return JSON.parse(content.replace(/^\uFEFF/, ''));
  } catch (error) {
    const [, position] = /position (\d+)/.exec((error as Error).message) ?? [];
    const line =
      position === undefined ? '' : ` in line ${content.slice(0, Number(position)).split('\n').length}`;
    throw new ConfigError(`${name} is not JSON: there is an error${line}`);
  }
}

/** A value of the file as the text of a variable; undefined when it cannot be one. */
export function textOf(value: unknown, { parser }: Setting): string | undefined {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      return isNumber(value, parser.json) ? String(value) : undefined;
    case 'boolean':
      return parser.json !== 'switch' ? undefined : value ? 'on' : 'off';
    case 'object':
      return value === null ? undefined : partsOf(value, parser.json);
    default:
      return undefined;
  }
}

function isNumber(value: number, json: Setting['parser']['json']): boolean {
  return json === 'number' || json === 'switch' || (json === 'map' && value === 0);
}

function partsOf(value: object, json: Setting['parser']['json']): string | undefined {
  if (Array.isArray(value)) {
    const isList = json === 'list' && value.every((part) => typeof part === 'string' && /^[^,]+$/.test(part));
    return isList ? value.join(',') : undefined;
  }
  const parts = Object.entries(value);
  if (json !== 'map' || !parts.every(([, part]) => isPart(part))) return undefined;
  // An empty object would become the empty text, which is no value, while {} means "nothing for any kind".
  return parts.length === 0 ? '0' : parts.map(([key, part]) => `${key}=${String(part)}`).join(',');
}

/** Rejects lists and texts with commas, whose text would look like several values. */
function isPart(part: unknown): boolean {
  return typeof part === 'number' || (typeof part === 'string' && !part.includes(','));
}
