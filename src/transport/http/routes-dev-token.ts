import type { Context, Hono } from 'hono';
import { UserId } from '../../protocol/ids.ts';
import { badRequest, readJsonObject } from './body.ts';
import type { HttpEnv } from './guards.ts';
import { Refused } from './refusal.ts';

const BODY_BYTES = 1_024;
const LOOPBACK_HOST = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i;
const LOOPBACK_ADDRESS = /^(::ffff:)?127\.|^::1$/;

/** What proxies write (RFC 7239, and those before it). */
const FORWARDED = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'via',
];

/** `POST /dev/token {"user"}` → `{"token"}`: for the chat page of `vagus dev` and nobody else. */
export function devTokenRoute(app: Hono<HttpEnv>, tokenFor: (user: string) => Promise<string>): void {
  app.post('/dev/token', async (context) => {
    refuseStrangers(context);
    const { user } = await readJsonObject(context.env.incoming, BODY_BYTES);
    const read = UserId.safeParse(user);
    if (!read.success) throw badRequest(`user ${read.error.issues[0]?.message}`);
    return context.json({ token: await tokenFor(read.data) });
  });
}

/**
 * Whoever has a token is that user, so only the page itself gets one, on this machine. The `Host` keeps out a name that
 * was pointed here (DNS rebinding), for which a browser takes a foreign page as our own; the `Origin`, which browsers send
 * with every POST and no page can write, keeps out the foreign page; the address keeps out other machines, and what a
 * proxy or a tunnel adds keeps out those for whom one on this machine asks.
 */
function refuseStrangers({ req, env }: Context<HttpEnv>): void {
  const host = req.header('host') ?? '';
  const site = req.header('sec-fetch-site') ?? 'same-origin';
  const isForwarded = FORWARDED.some((name) => req.header(name) !== undefined);
  const isHere =
    !isForwarded &&
    LOOPBACK_HOST.test(host) &&
    LOOPBACK_ADDRESS.test(env.incoming.socket.remoteAddress ?? '');
  const isOwn = req.header('origin') === `http://${host}` && site === 'same-origin';
  if (isHere && isOwn) return;
  throw new Refused({
    code: 'origin_not_allowed',
    message: 'only the chat page gets tokens here, opened at localhost or 127.0.0.1 on the same machine',
  });
}
