import { isShared } from '../protocol/algorithms.ts';
import type { Config } from './config.ts';
import { ConfigError } from './config-error.ts';
import { SETTINGS } from './settings.ts';

/** How a field was named by whoever set it. */
type NameOf = (field: keyof Config) => string;

const byVariable: NameOf = (field) => SETTINGS[field].variable;

/** What no single value can say. Throws a {@link ConfigError} that names both. */
export function checkRelations(config: Config, nameOf: NameOf = byVariable): void {
  const { heartbeatIntervalMs, heartbeatTimeoutMs, frameBytes, outboundBytes } = config;
  // A connection must have been suspect for a while before it is given up: an answer to the ping is on its way.
  if (heartbeatTimeoutMs < heartbeatIntervalMs * 2)
    throw new ConfigError(
      `${nameOf('heartbeatTimeoutMs')} must be at least twice ${nameOf('heartbeatIntervalMs')}`,
    );
  // Else one message that was let in could make everyone slow who gets it.
  if (outboundBytes > 0 && outboundBytes < frameBytes)
    throw new ConfigError(`${nameOf('outboundBytes')} must not be less than ${nameOf('frameBytes')}`);
  checkAlgorithms(config, nameOf);
}

/** An algorithm without its key could never accept a token: better said at once. */
function checkAlgorithms({ jwtAlgorithms, jwtSecret, jwks }: Config, nameOf: NameOf): void {
  for (const algorithm of jwtAlgorithms) {
    const needed = isShared(algorithm) ? 'jwtSecret' : 'jwks';
    if ((needed === 'jwtSecret' ? jwtSecret : jwks) === undefined)
      throw new ConfigError(`${nameOf('jwtAlgorithms')} has ${algorithm}, which needs ${nameOf(needed)}`);
  }
}

/** What a client within its time has not been sent yet must still be there when it reads on. Throws as above. */
export function checkRetention({ retention, stallMs }: Config, nameOf: NameOf): void {
  for (const kept of Object.values(retention) as readonly number[]) {
    if (kept > 0 && kept < stallMs)
      throw new ConfigError(`${nameOf('retention')} must not be less than ${nameOf('stallMs')}`);
  }
}
