/** A setting that cannot be used: its name, what it was, and what it may be, in one line. */
export class ConfigError extends Error {}
