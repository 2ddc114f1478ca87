import { ConfigError, type Config } from '../config/index.ts';
import { SystemClock } from '../host/system-clock.ts';
import type { Logger } from '../telemetry/logger.ts';
import { JoseVerifier } from '../transport/auth/jose-verifier.ts';

/**
 * The verifier of a configuration. Throws a {@link ConfigError} when its keys are unavailable: see {@link JoseVerifier}.
 */
export function createVerifier(config: Config, logger: Logger, keepsPayload = false): JoseVerifier {
  try {
    return verifierOf(config, logger, keepsPayload);
  } catch (cause) {
    throw new ConfigError(`VAGUS_JWT_JWKS (jwks): ${(cause as Error).message}`, { cause });
  }
}

function verifierOf(config: Config, logger: Logger, keepsPayload: boolean): JoseVerifier {
  const clock = new SystemClock();
  const { jwtSecret } = config;
  return new JoseVerifier({
    secret: jwtSecret === undefined ? undefined : new TextEncoder().encode(jwtSecret),
    jwks: config.jwks,
    algorithms: config.jwtAlgorithms,
    issuer: config.jwtIssuer,
    audience: config.jwtAudience,
    ttlMaxMs: config.tokenTtlMaxMs,
    keepsPayload,
    wall: () => clock.wall(),
    now: () => clock.now(),
    onKeysFailed: (error) => logger.warn({ message: error.message }, 'the keys of tokens are unavailable'),
  });
}
