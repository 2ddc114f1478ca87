import { wrongToken } from './connection/tokens.ts';
import { VagusError, type ClientError } from './errors.ts';
import type { EventName } from './events.ts';

const DAY_MS = 86_400_000;

/** The numeric options, with their bounds. */
const NUMBERS = {
  queueMax: [1, 1_000_000],
  sendTimeoutMs: [0, DAY_MS],
  joinTimeoutMs: [0, DAY_MS],
} as const;

const FUNCTIONS = ['WebSocket', 'fetch'] as const;

const NAMES = ['token', ...FUNCTIONS, ...Object.keys(NUMBERS)];

/** JavaScript callers have no types to warn them. Throws a {@link VagusError}: `no_token`, `bad_option`. */
export function checkOptions(given: unknown): void {
  const options = (given ?? {}) as Readonly<Record<string, unknown>>;
  const { token } = options;
  const noToken =
    typeof token === 'function' ? undefined : wrongToken(token, 'a JWT, or a function that gives one');
  const error = noToken ?? wrongOption(options);
  if (error) throw new VagusError(error);
}

/** A misspelt option must not pass: with `idd` for `id` a message would not be safe to resend. */
export function unknownOption(options: unknown, names: readonly string[]): ClientError | undefined {
  const field = Object.keys(options ?? {}).find((name) => !names.includes(name));
  if (field === undefined) return undefined;
  return { code: 'bad_option', field, message: `${field} is not an option; there are ${names.join(', ')}` };
}

function wrongOption(options: Readonly<Record<string, unknown>>): ClientError | undefined {
  const unknown = unknownOption(options, NAMES);
  if (unknown) return unknown;
  for (const [field, [min, max]] of Object.entries(NUMBERS)) {
    const value = options[field];
    if (value === undefined) continue;
    if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max)
      return { code: 'bad_option', field, message: `${field} must be a whole number from ${min} to ${max}` };
  }
  const field = FUNCTIONS.find((name) => !['undefined', 'function'].includes(typeof options[name]));
  return field && { code: 'bad_option', field, message: `${field} must be a class or function` };
}

/** All events. A missing one does not compile. */
const EVENTS = Object.keys({
  state: 1,
  message: 1,
  user_event: 1,
  broadcast: 1,
  signal: 1,
  joined: 1,
  left: 1,
  presence: 1,
  members: 1,
  degraded: 1,
  draining: 1,
  room_closed: 1,
  removed: 1,
  delayed: 1,
  slowed: 1,
  resumed: 1,
  missed: 1,
  reset: 1,
  error: 1,
} satisfies Record<EventName, 1>);

/** Throws `bad_option` for an unknown event, or for a listener that is no function. */
export function checkListener(name: unknown, listener: unknown): void {
  const wrong = (field: string, wanted: string): VagusError =>
    new VagusError({ code: 'bad_option', field, message: `${field} must be ${wanted}` });
  if (!EVENTS.includes(name as EventName)) throw wrong('event', `one of ${EVENTS.join(', ')}`);
  if (typeof listener !== 'function') throw wrong('listener', 'a function');
}
