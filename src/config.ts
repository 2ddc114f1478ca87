import type { Config } from './config/config.ts';
import { configOf, readSettings, type Environment } from './config/read.ts';

export type { Config, Retention } from './config/config.ts';
export { ConfigError } from './config/config-error.ts';
export { checkRelations } from './config/relations.ts';

/** What an embedded engine has where nothing is set. */
export interface ConfigDefaults extends Pick<Config, 'host' | 'roomsAutoCreate' | 'logLevel'> {
  /** The secret, when there is neither one nor a JWKS; it may be kept in the data folder. */
  readonly jwtSecret: (dataDir: string) => string;
}

/**
 * Reads the configuration as `vagus serve` does: from the environment, and below it from the file that `VAGUS_CONFIG`
 * names, or `vagus.json` in the working directory. Throws a {@link ConfigError} that says in one line what to change.
 * Names that are not known are told to `warn`, which is a warning of the process unless given.
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
