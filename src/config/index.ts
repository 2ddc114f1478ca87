import type { Config } from './config.ts';
import { configOf, readSettings, type Environment } from './read.ts';

export type { Config, Retention } from './config.ts';
export { ConfigError } from './config-error.ts';
export { checkRelations } from './relations.ts';

/** The defaults of an embedded engine. */
export interface ConfigDefaults extends Pick<Config, 'host' | 'roomsAutoCreate' | 'logLevel'> {
  /** Makes the secret when neither a secret nor a JWKS is set. It may store the secret in the data folder. */
  readonly jwtSecret: (dataDir: string) => string;
}

/**
 * Reads the configuration as `vagus serve` does: from the environment, and below it from the file that `VAGUS_CONFIG`
 * names, or `vagus.json` in the working directory. Throws a {@link ConfigError} that says in one line what to change.
 * Reports unknown names to `warn`, by default as a warning of the process.
 *
 * @example
 * const config = readConfig({ host: '127.0.0.1', roomsAutoCreate: true, logLevel: 'warn', jwtSecret: () => secret });
 * const engine = await Engine.start(config);
 */
export function readConfig(
  defaults: ConfigDefaults,
  environment?: Environment,
  warn: (line: string) => void = (line) => process.emitWarning(line),
): Config {
  const reading = readSettings({ mode: 'serve', environment });
  for (const line of reading.warnings) warn(line);
  return configOf(reading, defaults);
}
