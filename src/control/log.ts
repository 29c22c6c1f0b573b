import pino from 'pino';
import type { LogLevel } from '../config/config.ts';

/** The process log: JSON lines on stderr, readable lines on a terminal are left to the operator's tools. */
export type Log = pino.Logger;

export function createLog(
  level: LogLevel,
  destination: pino.DestinationStream = pino.destination({ dest: 2, sync: true }),
): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: ['token', '*.token', 'headers.authorization', 'headers.cookie'],
        censor: '[redacted]',
      },
    },
    destination,
  );
}
