export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What the core tells people about itself. Never given a token or a message's content. */
export interface Telemetry {
  count(counter: string, by: number): void;
  log(level: LogLevel, event: string, details: Readonly<Record<string, unknown>>): void;
}
