/** Load by autocannon where wrk is not to be had. It costs more than some contestants: the core column shows it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tail } from '../../test/support/process.ts';
import { launch } from '../machine/launch.ts';
import { scratch } from '../machine/scratch.ts';
import { type ClosedWork, HOST, hostsOf } from '../works.ts';
import { CONNECTIONS, type LoadResult } from './load.ts';

const program = fileURLToPath(new URL('../../node_modules/autocannon/autocannon.js', import.meta.url));

interface Report {
  readonly duration: number;
  readonly errors: number;
  readonly non2xx: number;
  readonly '2xx': number;
}

export async function runAutocannon(port: number, work: ClosedWork, seconds: number): Promise<LoadResult> {
  // It cannot turn through hosts, so among many it asks the last.
  const host = hostsOf(work.hosts).at(-1) ?? HOST;
  const args = ['-j', '-n', '-c', String(CONNECTIONS), '-d', String(Math.max(1, Math.round(seconds)))];
  args.push('-m', work.method, '-H', `Host=${host}`);
  if (!work.keepAlive) args.push('-H', 'Connection=close');
  if (work.bodyBytes > 0) args.push('-i', bodyFile(work.bodyBytes));
  const child = await launch(process.execPath, [program, ...args, `http://127.0.0.1:${port}${work.path}`]);
  await child.exited;
  const line = child.stdout.find((text) => text.startsWith('{'));
  if (line === undefined) throw new Error(`autocannon ended without a result: ${tail(child)}`);
  const report = JSON.parse(line) as Report;
  return {
    requests: report['2xx'],
    seconds: report.duration,
    errors: report.errors + report.non2xx,
  };
}

function bodyFile(bytes: number): string {
  const file = join(scratch('autocannon'), 'body');
  writeFileSync(file, 'x'.repeat(bytes));
  return file;
}
