import type { HttpAddition } from './base-core.ts';
import { VagusError } from './errors.ts';
import { CLOSE_MS, later, world, type Aborter, type Fetch } from './platform.ts';
import type { HttpPorts, PostAnswer, Refusal } from './ports.ts';
import { overHttp } from './sending/rest-queue.ts';
import { ERROR, pick, type Schema } from './wire/frame-schemas.ts';

const HTTP_TIMEOUT_MS = 10_000;

const { code, message, retryAfterMs } = ERROR;
const REFUSAL: Schema<Omit<Refusal, 'time'>> = { code, message, retryAfterMs };

/**
 * HTTP for a client of `vagus-client/base`. It sends messages while sockets fail, and reads why a handshake was refused.
 * `url` is that of `connect`. Throws a {@link VagusError}: `bad_url`.
 */
export function rest(url: string, fetch?: Fetch): HttpAddition {
  return overHttp(httpPorts(url, fetch));
}

/** The core's ports for HTTP on this platform. Throws a {@link VagusError}: `bad_url`. */
export function httpPorts(url: string, fetch: Fetch | undefined = world.fetch): HttpPorts {
  const base = httpBase(url);
  const { ask, end } = asker(fetch);
  return {
    probe: (token, done) =>
      ask(`${base}/ws`, { method: 'GET', headers: bearer(token) }, (answer) => done(toRefusal(answer))),
    post: ({ room, token, body }, done) => {
      const headers = { ...bearer(token), 'content-type': 'application/json' };
      ask(`${base}/v1/rooms/${room}/messages`, { method: 'POST', headers, body }, done);
    },
    end,
  };
}

/** The address before `/ws` and `/v1`. */
function httpBase(url: string): string {
  let parsed;
  try {
    parsed = new world.URL(url);
  } catch {
    parsed = undefined;
  }
  const isFit =
    parsed && /^wss?:$/.test(parsed.protocol) && parsed.pathname.endsWith('/ws') && parsed.hash === '';
  // The message leaves out credentials and the query, which may be secrets.
  const shown = parsed ? `${parsed.protocol}//${parsed.host}${parsed.pathname}` : 'a text that is no URL';
  if (!parsed || !isFit || parsed.username !== '' || parsed.password !== '')
    throw new VagusError({
      code: 'bad_url',
      message: `the url must be ws://…/ws or wss://…/ws, without a user, a password or a #, not ${shown}`,
    });
  const [base = ''] = parsed.href.split('?');
  return base.replace(/^ws/, 'http').slice(0, -'/ws'.length);
}

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

/** Sends HTTP requests, and always calls back. `end` aborts open ones. */
function asker(fetch: Fetch | undefined) {
  const open = new Set<Aborter>();
  const ask = (
    url: string,
    init: Parameters<Fetch>[1],
    done: (answer: PostAnswer | undefined) => void,
  ): void => {
    if (!fetch) return void world.setTimeout(() => done(undefined), 0);
    const aborter = new world.AbortController();
    open.add(aborter);
    const timer = world.setTimeout(() => aborter.abort(), HTTP_TIMEOUT_MS);
    const asked = async (): Promise<PostAnswer> => {
      const answer = await fetch(url, { ...init, signal: aborter.signal as never });
      const time = Date.parse(answer.headers?.get('date') ?? '');
      const body: unknown = await answer.json().catch(() => undefined);
      return { status: answer.status, body, ...(Number.isNaN(time) ? {} : { time }) };
    };
    const told = (answer?: PostAnswer): void => {
      world.clearTimeout(timer);
      open.delete(aborter);
      done(answer);
    };
    asked().then(told, () => told());
  };
  const end = (): void => later(CLOSE_MS, () => open.forEach((aborter) => aborter.abort()));
  return { ask, end };
}

function toRefusal(answer: PostAnswer | undefined): Refusal | undefined {
  if (!answer) return undefined;
  const told = pick(answer.body, REFUSAL);
  const message = `it answered ${answer.status}, and not as a server of Vagus does`;
  return { ...(told ?? { code: 'unavailable', message }), ...(answer.time ? { time: answer.time } : {}) };
}
