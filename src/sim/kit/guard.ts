/** Raised when simulated code uses the machine's time or randomness. */
export class NotDeterministic extends Error {
  constructor(what: string) {
    super(`${what} was used inside a simulation: time, chance and ids are handed in (D17)`);
  }
}

function banned(what: string): () => never {
  return () => {
    throw new NotDeterministic(what);
  };
}

/** A date needs an argument. Without one it would be the machine's time. */
class SimDate extends Date {
  constructor(...given: unknown[]) {
    if (given.length === 0) throw new NotDeterministic('new Date()');
    super(...(given as []));
  }

  static override now = banned('Date.now');
}

/** Functions that would make two runs of a seed differ, by their object. */
const BANNED: readonly (readonly [object, readonly string[]])[] = [
  [globalThis, ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']],
  [Math, ['random']],
  [performance, ['now']],
  [crypto, ['randomUUID', 'getRandomValues']],
];

/** Runs a synchronous function while the machine's time and randomness throw (D17). */
export function guarded<Result>(run: () => Result): Result {
  const kept: (() => void)[] = [];
  const put = (target: object, name: string, value: unknown): void => {
    const before = Object.getOwnPropertyDescriptor(target, name);
    Object.defineProperty(target, name, { value, configurable: true, writable: true });
    kept.push(() => {
      if (before) Object.defineProperty(target, name, before);
      else Reflect.deleteProperty(target, name);
    });
  };
  for (const [target, names] of BANNED) for (const name of names) put(target, name, banned(name));
  put(globalThis, 'Date', SimDate);
  try {
    return run();
  } finally {
    for (const restore of kept.toReversed()) restore();
  }
}
