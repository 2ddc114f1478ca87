/** A setting that cannot be used: its name, what it was, and what it may be, in one line. */
export class ConfigError extends Error {
  readonly code = 'bad_config';
  override readonly name = 'ConfigError';
}
