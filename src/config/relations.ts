import { isShared } from '../protocol/algorithms.ts';
import type { Config } from './config.ts';
import { ConfigError } from './config-error.ts';
import { SETTINGS } from './settings.ts';

/** The name of a field in the source that set it. */
type NameOf = (field: keyof Config) => string;

const byVariable: NameOf = (field) => SETTINGS[field].variable;

/** Checks that values fit each other. Throws a {@link ConfigError} that names both. */
export function checkRelations(config: Config, nameOf: NameOf = byVariable): void {
  const { heartbeatIntervalMs, heartbeatTimeoutMs, frameBytes, outboundBytes } = config;
  // A connection is suspect for a while before the server gives it up, because an answer to the ping may be on its way.
  if (heartbeatTimeoutMs < heartbeatIntervalMs * 2)
    throw new ConfigError(
      `${nameOf('heartbeatTimeoutMs')} must be at least twice ${nameOf('heartbeatIntervalMs')}`,
    );
  // Otherwise one accepted message could make every receiver slow.
  if (outboundBytes > 0 && outboundBytes < frameBytes)
    throw new ConfigError(`${nameOf('outboundBytes')} must not be less than ${nameOf('frameBytes')}`);
  checkAlgorithms(config, nameOf);
  checkCluster(config, nameOf);
}

/** An algorithm without its key could never accept a token, so the start reports it. */
function checkAlgorithms({ jwtAlgorithms, jwtSecret, jwks }: Config, nameOf: NameOf): void {
  for (const algorithm of jwtAlgorithms) {
    const needed = isShared(algorithm) ? 'jwtSecret' : 'jwks';
    if ((needed === 'jwtSecret' ? jwtSecret : jwks) === undefined)
      throw new ConfigError(`${nameOf('jwtAlgorithms')} has ${algorithm}, which needs ${nameOf(needed)}`);
  }
}

/** Nodes of a cluster share their database, and prove to each other that they are of it. */
function checkCluster({ redisUrl, clusterSecret, databaseUrl, role }: Config, nameOf: NameOf): void {
  if (redisUrl === undefined && role === 'edge')
    throw new ConfigError(`${nameOf('role')} is edge, which needs ${nameOf('redisUrl')} and other nodes`);
  if (redisUrl === undefined) return;
  if (clusterSecret === undefined)
    throw new ConfigError(`${nameOf('redisUrl')} is set, which needs ${nameOf('clusterSecret')}`);
  if (databaseUrl === undefined)
    throw new ConfigError(
      `${nameOf('redisUrl')} is set, which needs ${nameOf('databaseUrl')}: all nodes have one database`,
    );
}

/** Messages that a slow client may still read must not be pruned within its time. Throws as above. */
export function checkRetention({ retention, stallMs }: Config, nameOf: NameOf): void {
  for (const kept of Object.values(retention) as readonly number[]) {
    if (kept > 0 && kept < stallMs)
      throw new ConfigError(`${nameOf('retention')} must not be less than ${nameOf('stallMs')}`);
  }
}
