import type { IncomingMessage } from 'node:http';
import { isIPv4, isIPv6 } from 'node:net';
import proxyAddr from 'proxy-addr';

/**
 * Tells by whom a request is sent, for limits: an IPv4 address, or the /64 network of an IPv6 one, of which one
 * customer has all addresses (LM3). `X-Forwarded-For` is believed as far as it was written by trusted proxies, read from
 * its end: each entry was written by whom the one behind it names. Some proxies write ports and brackets.
 */
export function clientAddress(trustedProxies: readonly string[]): (request: IncomingMessage) => string {
  if (trustedProxies.length === 0) return ({ socket }) => addressKey(socket.remoteAddress ?? '') ?? '';
  const isTrusted = proxyAddr.compile([...trustedProxies]);
  return (request) => {
    const direct = plainAddress(request.socket.remoteAddress ?? '');
    let client = direct;
    for (const entry of forwardedFor(request).toReversed()) {
      if (client === undefined || !isTrusted(client, 0)) break;
      client = plainAddress(entry);
    }
    // Who is nobody's address is counted with whoever sent it here.
    return keyOf(client ?? direct) ?? '';
  };
}

/** Whether a socket is that of a trusted proxy, through which many come. */
export function proxyTest(trustedProxies: readonly string[]): (remoteAddress: string) => boolean {
  const isTrusted = proxyAddr.compile([...trustedProxies]);
  return (remoteAddress) => {
    const address = plainAddress(remoteAddress);
    return address !== undefined && isTrusted(address, 0);
  };
}

function forwardedFor({ headers }: IncomingMessage): readonly string[] {
  const written = headers['x-forwarded-for'];
  if (written === undefined) return [];
  return (Array.isArray(written) ? written.join() : written).split(',').map((entry) => entry.trim());
}

/** What limits count by. Undefined when the text is no address: a proxy may write `unknown`. */
export function addressKey(text: string): string | undefined {
  return keyOf(plainAddress(text));
}

/** Without port, brackets, quotes and zone, and IPv4 where it is IPv4 that is meant; else no address. */
function plainAddress(text: string): string | undefined {
  const [, unquoted = text] = /^"(.*)"$/.exec(text) ?? [];
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d+)?$/.exec(unquoted) ?? [];
  const address = (bracketed ?? plain ?? unquoted).replace(/%.*$/, '');
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return undefined;
  const groups = groupsOf(address);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (!isMapped) return address;
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 255])
    .join('.');
}

function keyOf(address: string | undefined): string | undefined {
  if (address === undefined || isIPv4(address)) return address;
  const network = groupsOf(address).slice(0, 4);
  return `${network.map((group) => group.toString(16)).join(':')}::/64`;
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): readonly number[] {
  // A dotted tail stands for two groups.
  const hex = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.slice(0, 4).map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [head = '', tail] = hex.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail ? tail.split(':') : [];
  const missing = Math.max(0, 8 - before.length - after.length);
  return [...before, ...Array<string>(missing).fill('0'), ...after].map((group) =>
    Number.parseInt(group, 16),
  );
}
