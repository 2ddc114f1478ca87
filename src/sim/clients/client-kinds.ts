import type { ClientDriver, ClientOptions, ClientWorld } from './client-driver.ts';
import { SimClient } from './client.ts';
import type { Random } from '../kit/random.ts';
import { SdkClient } from './sdk-client.ts';

/**
 * The clients of a run: applications on the core of vagus-client, impatient clients that speak the protocol themselves, or
 * both.
 */
export const CLIENT_KINDS = ['sdk', 'frames', 'both'] as const;

export type ClientKind = (typeof CLIENT_KINDS)[number];

export const DEFAULT_CLIENTS: ClientKind = 'sdk';

export function newClient(
  kind: ClientKind,
  options: ClientOptions,
  world: ClientWorld,
  random: Random,
): ClientDriver {
  const isSdk = kind === 'sdk' || (kind === 'both' && random.chance(0.5));
  return isSdk ? new SdkClient(options, world, random) : new SimClient(options, world, random);
}
