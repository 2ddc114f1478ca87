import type { Incarnation } from './ports/placement.ts';

/** The part of an address before its first colon. */
export function kindOf(address: string): string {
  const colon = address.indexOf(':');
  return colon < 0 ? address : address.slice(0, colon);
}

/** The address of an actor that is bound to a socket: `{kind}:{incarnation}.{number}`. */
export function socketAddress(kind: string, incarnation: Incarnation, number: number): string {
  return `${kind}:${incarnation}.${number}`;
}

/** The node whose socket such an actor is bound to. */
export function incarnationOf(address: string): Incarnation {
  return address.slice(address.indexOf(':') + 1, address.lastIndexOf('.'));
}
