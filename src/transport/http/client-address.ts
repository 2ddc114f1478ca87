import type { IncomingMessage } from 'node:http';
import { isIPv4, isIPv6 } from 'node:net';
import proxyAddr from 'proxy-addr';

/**
 * The sender of a request, which limits count by: an IPv4 address, or the /64 network of an IPv6 address, because one
 * customer has that whole network (LM3). It reads `X-Forwarded-For` from the end: the sender named by an entry wrote the
 * entry before it. It trusts the entries that trusted proxies wrote. Some proxies add ports and brackets.
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
    // A request without a readable address counts for the host that sent it here.
    return keyOf(client ?? direct) ?? '';
  };
}

/** Whether a socket belongs to a trusted proxy, which serves many clients. */
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

/** The key of the limits. Undefined when the text is no address: a proxy may write `unknown`. */
export function addressKey(text: string): string | undefined {
  return keyOf(plainAddress(text));
}

/** An address without port, brackets, quotes and zone, with mapped IPv4 as IPv4; undefined when it is none. */
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
  // A dotted tail is two groups.
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
