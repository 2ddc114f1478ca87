import type { Context, Hono } from 'hono';
import { UserId } from '../../protocol/ids.ts';
import { badRequest, readJsonObject } from './body.ts';
import type { HttpEnv } from './guards.ts';
import { Refused } from './refusal.ts';

const BODY_BYTES = 1_024;
const LOOPBACK_HOST = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i;
const LOOPBACK_ADDRESS = /^(::ffff:)?127\.|^::1$/;

/** Headers that proxies add (RFC 7239, and its predecessors). */
const FORWARDED = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'via',
];

/** `POST /dev/token {"user"}` → `{"token"}`: for the chat page of `vagus dev` only. */
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
 * A token makes its holder that user, so only the page itself on this machine gets one. `Host` keeps out a name that points
 * to this machine (DNS rebinding), where a browser takes a foreign page for the node's own. `Origin`, which browsers send
 * with every POST and pages cannot forge, keeps out the foreign page. The address keeps out other machines. The headers of
 * proxies keep out clients behind a proxy or tunnel on this machine.
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
