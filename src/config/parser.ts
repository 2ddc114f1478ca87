/** Turns the text of a setting into its value. */
export interface Parser<Value> {
  /** What the value may be, to be read after "must be". */
  readonly may: string;
  /** What a program may pass, where it differs. */
  readonly option?: string;
  /** Parses an entry of a list, or a value of a map. */
  readonly each?: Parser<unknown>;
  /** The keys of a map. */
  readonly keys?: readonly string[];
  /** The value, or {@link Unfit} when the text is invalid. */
  readonly parse: (text: string) => Value | Unfit;
  /** What a configuration file may hold instead of a string. */
  readonly json?: 'number' | 'switch' | 'list' | 'map';
}

/** An invalid text. */
export class Unfit {
  /** The invalid entry of a list; undefined when all of the text is invalid. */
  readonly part: string | undefined;

  constructor(part?: string) {
    this.part = part;
  }
}

const KIB = 1_024;
const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

export const MINUTE_MS = 60_000;
export const DAY_MS = 86_400_000;

/** Practically endless times, as numbers that timers and dates can hold: 100 years, 10 years. */
export const CENTURY_MS = 36_500 * DAY_MS;
export const DECADE_MS = 3_650 * DAY_MS;

/** Any text of one line. */
export const text: Parser<string> = {
  may: 'text, without line breaks',
  parse: (given) => (/^[^\p{Cc}]+$/u.test(given) ? given : new Unfit()),
};

/** A whole number within bounds. With `off`, 0 is also valid and stands for that number. */
export function whole(min: number, max: number, off?: number): Parser<number> {
  const may = `${off === undefined ? '' : '0, or '}a whole number from ${min} to ${max}`;
  return {
    may,
    option: may,
    json: 'number',
    parse: (given) => {
      const value = /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN;
      if (value === 0 && off !== undefined) return off;
      return value >= min && value <= max ? value : new Unfit();
    },
  };
}

/**
 * `500ms`, `30s`, `5m`, `12h`, `30d`, with bounds in milliseconds. With `off`, 0 is also valid and stands for that number.
 */
export function duration(min: number, max: number, off?: number): Parser<number> {
  const zero = off === undefined ? '' : '0, or ';
  return {
    may: `${zero}a duration such as 30s, 5m or 12h, from ${inWords(min)} to ${inWords(max)}`,
    option: `${zero}a whole number of milliseconds from ${min} to ${max}`,
    json: 'number',
    parse: (given) => {
      const [, amount, unit] = /^(\d{1,15})(ms|s|m|h|d)$/.exec(given) ?? [];
      const value = given === '0' ? 0 : Number(amount) * (UNITS[unit ?? ''] ?? Number.NaN);
      if (value === 0 && off !== undefined) return off;
      return value >= min && value <= max ? value : new Unfit();
    },
  };
}

/** Milliseconds as a setting writes them. */
function inWords(ms: number): string {
  const [unit, size] = Object.entries(UNITS).findLast(([, size]) => ms % size === 0 && ms >= size) ?? [
    'ms',
    1,
  ];
  return `${ms / size}${unit}`;
}

/** `65536`, `64KiB`, `1MiB`, with bounds in bytes. 0 is also valid and stands for `off`. */
export function size(min: number, max: number, off: number): Parser<number> {
  return {
    may: `0, or a size such as 64KiB or 1MiB, from ${inBytes(min)} to ${inBytes(max)}`,
    option: `0, or a whole number of bytes from ${min} to ${max}`,
    json: 'number',
    parse: (given) => {
      const [, amount, unit] = /^(\d{1,15})(B|KiB|MiB)?$/.exec(given) ?? [];
      const value = Number(amount) * ({ KiB: KIB, MiB: KIB * KIB }[unit ?? ''] ?? 1);
      if (value === 0) return off;
      return value >= min && value <= max ? value : new Unfit();
    },
  };
}

const inBytes = (bytes: number): string =>
  bytes % KIB ** 2 === 0 ? `${bytes / KIB ** 2}MiB` : `${bytes / KIB}KiB`;

export function oneOf<const Value extends string>(values: readonly Value[]): Parser<Value> {
  return {
    may: `one of ${values.join(', ')}`,
    parse: (given) => values.find((value) => value === given) ?? new Unfit(),
  };
}

/** The spellings of a switch in other programs' configurations. */
const SWITCH: ReadonlyMap<string, boolean> = new Map([
  ['on', true],
  ['off', false],
  ['true', true],
  ['false', false],
  ['1', true],
  ['0', false],
]);

export const onOrOff: Parser<boolean> = {
  may: 'on or off (true, false, 1 and 0 as well)',
  option: 'true or false',
  json: 'switch',
  parse: (given) => SWITCH.get(given) ?? new Unfit(),
};

/**
 * A list with commas and at least one entry. An empty list is invalid: its author meant to forbid something, but no list
 * means all. Duplicates count once.
 */
export function list(each: Parser<string>): Parser<readonly string[]> {
  return {
    may: `${each.may}; several with commas between them`,
    option: `an array, each entry of it ${each.may}`,
    each,
    json: 'list',
    parse: (given) => {
      if (given.trim() === '') return new Unfit();
      const values: string[] = [];
      for (const part of given.split(',').map((part) => part.trim())) {
        const value = each.parse(part);
        if (value instanceof Unfit) return new Unfit(part);
        values.push(value);
      }
      return [...new Set(values)];
    },
  };
}
