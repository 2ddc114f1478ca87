/** An unusable setting. The message, one line, has its name, its value, and what it may be. */
export class ConfigError extends Error {
  readonly code = 'bad_config';
  override readonly name = 'ConfigError';
}
