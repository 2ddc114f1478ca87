import { pino, type Logger } from 'pino';
import type { LogLevel } from '../runtime/ports/telemetry.ts';

export type { Logger };

/** Lines on standard error, one JSON object each; standard output is for what a command was asked for. */
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
      // Nothing of the kind is logged on purpose; should it ever be passed along, it does not get out.
      redact: {
        paths: ['token', 'secret', 'authorization', '*.token', '*.secret', '*.authorization'],
        censor: '[hidden]',
      },
    },
    pino.destination({ dest: 2, sync: false }),
  );
}
