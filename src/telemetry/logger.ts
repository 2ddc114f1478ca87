import { pino, type Logger } from 'pino';
import type { LogLevel } from '../runtime/ports/telemetry.ts';

export type { Logger };

/** Writes lines to standard error, one JSON object each. Standard output is for the result of a command. */
export function createLogger(options: {
  readonly level: LogLevel | 'silent';
  readonly node: string;
}): Logger {
  return pino(
    {
      level: options.level,
      base: { node: options.node },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // No module logs these on purpose. If one ever passes them along, the logger removes them.
      redact: {
        paths: ['token', 'secret', 'authorization', '*.token', '*.secret', '*.authorization'],
        censor: '[hidden]',
      },
    },
    pino.destination({ dest: 2, sync: false }),
  );
}
