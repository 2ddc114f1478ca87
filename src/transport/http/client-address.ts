import type { IncomingMessage } from 'node:http';
import { isIPv4, isIPv6 } from 'node:net';
import proxyAddr from 'proxy-addr';

/**
 * Tells by whom a request is sent, for limits: an IPv4 address, or the /64 network of an IPv6 one, of which one
 * customer has all addresses (LM3). `X-Forwarded-For` is believed as far as it was written by trusted proxies.
 */
export function clientAddress(trustedProxies: readonly string[]): (request: IncomingMessage) => string {
  if (trustedProxies.length === 0) return ({ socket }) => addressKey(socket.remoteAddress ?? '') ?? '';
  const isTrusted = proxyAddr.compile([...trustedProxies]);
  return (request) =>
    addressKey(proxyAddr(request, isTrusted)) ?? addressKey(request.socket.remoteAddress ?? '') ?? '';
}

/** Undefined when the text is no address: a proxy may write `unknown`. Ports, which some proxies add, are dropped. */
export function addressKey(text: string): string | undefined {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d+)?$/.exec(text) ?? [];
  const address = (bracketed ?? plain ?? text).replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (isIPv4(address)) return address;
  return isIPv6(address) ? network(address) : undefined;
}

/** The first four groups of an IPv6 address, written one way. */
function network(address: string): string {
  // A dotted tail stands for two groups.
  const [head = '', tail] = address.replace(/[^:]*\..*$/, '0:0').split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail ? tail.split(':') : [];
  const groups = [
    ...before,
    ...Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0'),
    ...after,
  ];
  const short = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${short.join(':')}::/64`;
}
