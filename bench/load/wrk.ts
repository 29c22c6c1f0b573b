/** Load by wrk: one thread in C, so that the load costs far less than any contestant. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tail } from '../../test/support/process.ts';
import { launch } from '../machine/launch.ts';
import { needProgram } from '../machine/programs.ts';
import { scratch } from '../machine/scratch.ts';
import { type ClosedWork, HOST } from '../works.ts';
import { CONNECTIONS, type LoadResult } from './load.ts';
import { opensslEnvironment } from './tls-client.ts';

export async function runWrk(port: number, work: ClosedWork, seconds: number): Promise<LoadResult> {
  const file = join(scratch('wrk'), `${work.name}.lua`);
  writeFileSync(file, wrkScript(work));
  const isSecured = work.door === 'https';
  const url = `${isSecured ? 'https' : 'http'}://${HOST}:${port}${work.path}`;
  // wrk takes whole seconds; its own figures say how long it really was.
  const duration = `${Math.max(1, Math.round(seconds))}s`;
  const args = ['-t1', `-c${CONNECTIONS}`, `-d${duration}`, '--timeout', '10s', '-s', file, url];
  const child = await launch(needProgram('wrk'), args, { env: isSecured ? opensslEnvironment() : {} });
  await child.exited;
  const line = child.stdout.find((text) => text.startsWith('RESULT '));
  if (line === undefined) throw new Error(`wrk ended without a result: ${tail(child)}`);
  return parseResult(line);
}

/** `RESULT requests microseconds errors`. */
export function parseResult(line: string): LoadResult {
  const [requests = Number.NaN, micros = Number.NaN, errors = Number.NaN] = line
    .split(' ')
    .slice(1)
    .map(Number);
  if ([requests, micros, errors].some(Number.isNaN)) throw new Error(`not a result of wrk: ${line}`);
  return { requests, seconds: micros / 1e6, errors };
}

/**
 * Requests are made before the run; a script that makes them one by one would cost as much as the proxy. The host stands
 * in the URL, from where wrk takes the server name of TLS, and is not looked up.
 */
export function wrkScript(work: ClosedWork): string {
  const headers = work.keepAlive ? '' : 'wrk.headers["Connection"] = "close"\n';
  const body = work.bodyBytes > 0 ? `wrk.body = string.rep("x", ${work.bodyBytes})\n` : '';
  return `wrk.method = "${work.method}"
wrk.headers["Host"] = "${HOST}"
function wrk.resolve(_, service)
  wrk.addrs = wrk.lookup("127.0.0.1", service)
end
${headers}${body}${work.hosts === 1 ? '' : manyHosts(work)}
function done(summary, latency, requests)
  local e = summary.errors
  local errors = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format("RESULT %d %d %d\\n", summary.requests, summary.duration, errors))
end
`;
}

/** A stride without common factor visits every host, far apart from the one before. */
function manyHosts({ hosts, method, path }: ClosedWork): string {
  return `local made = {}
local at = 0
function init(args)
  for i = 0, ${hosts - 1} do
    made[i] = wrk.format("${method}", "${path}", { Host = string.format("h%d.${HOST}", i) })
  end
end
function request()
  at = (at + 7919) % ${hosts}
  return made[at]
end
`;
}
