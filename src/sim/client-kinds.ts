import type { ActingClient, ClientOptions, ClientWorld } from './acting-client.ts';
import { SimClient } from './client.ts';
import type { Random } from './random.ts';
import { SdkClient } from './sdk-client.ts';

/** Who the clients of a run are. */
const CLIENT_KINDS = {
  sdk: 'applications on the core of vagus-client',
  frames: 'impatient ones that speak the protocol by themselves',
  both: 'some of each',
} as const;

export type ClientKind = keyof typeof CLIENT_KINDS;

export const DEFAULT_CLIENTS: ClientKind = 'sdk';

/** Raised when `--clients` names what there is not. */
class UnknownClients extends Error {}

/** Reads a name. */
export function parseClients(text: string): ClientKind {
  if (Object.hasOwn(CLIENT_KINDS, text)) return text as ClientKind;
  const kinds = Object.keys(CLIENT_KINDS).join(', ');
  throw new UnknownClients(`there are no clients ${JSON.stringify(text)}; there are ${kinds}`);
}

export function newClient(
  kind: ClientKind,
  options: ClientOptions,
  world: ClientWorld,
  random: Random,
): ActingClient {
  const isSdk = kind === 'sdk' || (kind === 'both' && random.chance(0.5));
  return isSdk ? new SdkClient(options, world, random) : new SimClient(options, world, random);
}
