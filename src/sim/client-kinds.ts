import type { ActingClient, ClientOptions, ClientWorld } from './acting-client.ts';
import { SimClient } from './client.ts';
import type { Random } from './random.ts';
import { SdkClient } from './sdk-client.ts';

/**
 * Who the clients of a run are: applications on the core of vagus-client, impatient ones that speak the protocol by
 * themselves, or some of each.
 */
export const CLIENT_KINDS = ['sdk', 'frames', 'both'] as const;

export type ClientKind = (typeof CLIENT_KINDS)[number];

export const DEFAULT_CLIENTS: ClientKind = 'sdk';

export function newClient(
  kind: ClientKind,
  options: ClientOptions,
  world: ClientWorld,
  random: Random,
): ActingClient {
  const isSdk = kind === 'sdk' || (kind === 'both' && random.chance(0.5));
  return isSdk ? new SdkClient(options, world, random) : new SimClient(options, world, random);
}
