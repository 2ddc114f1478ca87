/** Characters of a value that a message repeats. */
const SHOWN_MAX = 120;

/** Whether a value has fields and is no list. */
export function isObject(given: unknown): given is object {
  return typeof given === 'object' && given !== null && !Array.isArray(given);
}

/** A program's value on one line. A value that JSON cannot write is named by its type. */
export function shown(given: unknown): string {
  switch (typeof given) {
    case 'function':
      return 'a function';
    case 'symbol':
      return 'a symbol';
    case 'bigint':
      return `${given}n`;
    case 'number':
    case 'undefined':
      return String(given);
    default:
      return short(given);
  }
}

function short(given: unknown): string {
  if (isObject(given) && ![Object.prototype, null].includes(Object.getPrototypeOf(given) as object | null))
    return `an object of the class ${given.constructor?.name || 'without a name'}`;
  try {
    const json = JSON.stringify(given);
    return json.length <= SHOWN_MAX ? json : `${json.slice(0, SHOWN_MAX)}…`;
  } catch {
    return 'an object that is no JSON';
  }
}
