/** HTTP/2 load by h2load: one thread in C. */
import { tail } from '../../test/support/process.ts';
import { launch } from '../machine/launch.ts';
import { needProgram } from '../machine/programs.ts';
import { type ClosedWork, HOST } from '../works.ts';
import { CONNECTIONS, type LoadResult } from './load.ts';
import { CIPHER, GROUP, opensslEnvironment } from './tls-client.ts';

/** As many requests at once as over HTTP/1.1, on an eighth of the connections. */
const STREAMS = 8;
/** It would go on for ever with a server that closes connections (1.52). */
const GRACE_MS = 15_000;

export async function runH2load(port: number, work: ClosedWork, seconds: number): Promise<LoadResult> {
  const wholeSeconds = Math.max(1, Math.round(seconds));
  const args = [
    ...['-t1', `-c${CONNECTIONS / STREAMS}`, `-m${STREAMS}`, `-D${wholeSeconds}`],
    ...[`--tls13-ciphers=${CIPHER}`, `--groups=${GROUP}`],
    ...[`--connect-to=127.0.0.1:${port}`, `https://${HOST}:${port}${work.path}`],
  ];
  const child = await launch(needProgram('h2load'), args, { env: opensslEnvironment() });
  const limit = setTimeout(() => child.signal('SIGKILL'), wholeSeconds * 1000 + GRACE_MS);
  await child.exited;
  clearTimeout(limit);
  try {
    return parseH2load(child.stdout.join('\n'));
  } catch (error) {
    throw new Error(`${(error as Error).message}: ${tail(child)}`);
  }
}

/** Throws when it is not the end of a run, or when something else was negotiated than what was meant. */
export function parseH2load(text: string): LoadResult {
  expectNegotiated(text, 'TLS Protocol', 'TLSv1.3');
  expectNegotiated(text, 'Cipher', CIPHER);
  expectNegotiated(text, 'Application protocol', 'h2');
  const seconds = /^finished in ([\d.]+)(m?s),/m.exec(text);
  const requests = /^requests: .* (\d+) failed, (\d+) errored, (\d+) timeout$/m.exec(text);
  const statuses = /^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx$/m.exec(text);
  if (!seconds || !requests || !statuses) throw new Error('h2load ended without a result');
  // It counts answers of 4xx and 5xx as failed.
  const [failed = 0, errored = 0, late = 0] = requests.slice(1).map(Number);
  const [good = 0, redirected = 0] = statuses.slice(1).map(Number);
  return {
    requests: good,
    seconds: Number(seconds[1]) / (seconds[2] === 'ms' ? 1000 : 1),
    errors: failed + errored + late + redirected,
  };
}

function expectNegotiated(text: string, what: string, wanted: string): void {
  const got = new RegExp(`^${what}: (.*)$`, 'm').exec(text)?.[1];
  if (got !== wanted) throw new Error(`h2load: ${what} is ${got ?? 'missing'}, not ${wanted}`);
}
