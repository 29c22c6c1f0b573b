/** The flags of `npm run bench:convergence`. */
import { parseArgs } from 'node:util';

export interface ConvergenceOptions {
  /** In the catalog, the three measured ones among them. */
  readonly services: number;
  /** Times an instance goes out and comes back. */
  readonly flips: number;
  /** Requests a second of the constant load, over the three services. */
  readonly load: number;
  /** Requests a second to the service that is flipping: their distance is the resolution. */
  readonly probes: number;
  readonly workers: number;
  readonly json: boolean;
}

export const help = `Usage: node bench/convergence.ts [options]

Flips the check of an instance in a real Consul and measures when fairlead stops and starts to use it, beside a bare
blocking query that hears of the same flip.

  --services N   services in the catalog; beyond 3 they have 3 instances each (default: 3)
  --flips N      times an instance goes out and comes back (default: 100)
  --load N       requests a second all the while, over three services (default: 500)
  --probes N     requests a second to the flipping service (default: 4000)
  --workers N    worker threads of fairlead (default: 2)
  --quick        5 flips
  --json         print the result as JSON
  --help         this text

The table goes to standard output, progress to standard error. It exits with 1 when a request has failed.
`;

/** Throws an Error with one line when a flag is wrong; null when help is asked for. */
export function readOptions(args: readonly string[]): ConvergenceOptions | null {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{ services: text, flips: text, load: text, probes: text, workers: text },
      ...{ quick: flag, json: flag, help: { ...flag, short: 'h' } },
    },
  });
  if (values.help) return null;
  const count = (name: 'services' | 'flips' | 'load' | 'probes' | 'workers', fallback: number): number => {
    const value = Number(values[name] ?? fallback);
    if (Number.isInteger(value) && value >= 1) return value;
    throw new Error(`--${name}: ${values[name]} is not a whole number of at least 1`);
  };
  return {
    services: Math.max(3, count('services', 3)),
    flips: count('flips', values.quick ? 5 : 100),
    load: count('load', 500),
    probes: count('probes', 4000),
    workers: count('workers', 2),
    json: values.json,
  };
}
