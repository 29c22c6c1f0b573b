import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { Probe } from './definitions.ts';
import type { Status } from './shapes.ts';

/** Consul keeps this much of an answer. */
const OUTPUT_LIMIT = 4096;

export interface ProbeResult {
  readonly status: Status;
  readonly output: string;
}

type Running<Kind extends Probe['kind']> = Extract<Probe, { kind: Kind }>;

/** Runs a probe once. Never rejects: a failure is a critical result with the reason as its output. */
export function runProbe(probe: Exclude<Probe, { kind: 'ttl' }>, signal: AbortSignal): Promise<ProbeResult> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(probe.timeoutMs)]);
  return probe.kind === 'http' ? httpProbe(probe, limited) : tcpProbe(probe, limited);
}

async function httpProbe(probe: Running<'http'>, signal: AbortSignal): Promise<ProbeResult> {
  try {
    const response = await send(probe, signal);
    const output = await head(response, OUTPUT_LIMIT);
    const code = response.statusCode ?? 0;
    const line = `HTTP ${probe.method} ${probe.url}: ${code} ${response.statusMessage ?? ''} Output: ${output}`;
    return {
      status: code >= 200 && code < 300 ? 'passing' : code === 429 ? 'warning' : 'critical',
      output: line,
    };
  } catch (error) {
    const verb = probe.method[0]!.toUpperCase() + probe.method.slice(1).toLowerCase();
    return { status: 'critical', output: `${verb} "${probe.url}": ${reasonOf(error, hostOf(probe.url))}` };
  }
}

async function tcpProbe(probe: Running<'tcp'>, signal: AbortSignal): Promise<ProbeResult> {
  const colon = probe.address.lastIndexOf(':');
  const host = probe.address.slice(0, colon).replace(/^\[|\]$/g, '');
  try {
    await dial(host, Number(probe.address.slice(colon + 1)), signal);
    return { status: 'passing', output: `TCP connect ${probe.address}: Success` };
  } catch (error) {
    return { status: 'critical', output: reasonOf(error, probe.address) };
  }
}

function send(probe: Running<'http'>, signal: AbortSignal): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const secure = /^https:/i.test(probe.url);
  // A new connection each time, so that a check also proves that the service still accepts.
  const options = {
    agent: false,
    method: probe.method,
    headers: Object.fromEntries(
      Object.entries(probe.headers).map(([name, values]) => [name, values.join(', ')]),
    ),
    signal,
    ...(secure && { rejectUnauthorized: !probe.skipVerify }),
  };
  const request = secure ? httpsRequest(probe.url, options) : httpRequest(probe.url, options);
  request.on('response', resolve).on('error', reject).end(probe.body);
  return promise;
}

/** The first bytes of an answer; the rest is not read. */
async function head(response: IncomingMessage, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= limit) break;
  }
  return Buffer.concat(chunks).subarray(0, limit).toString('utf8');
}

function dial(host: string, port: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({ host, port, signal }, resolve).on('error', reject);
  return promise.finally(() => socket.destroy());
}

/** The failure in the words of Consul's runtime. */
function reasonOf(error: unknown, address: string): string {
  const { code = '', name, message } = error as NodeJS.ErrnoException;
  if (name === 'AbortError' || name === 'TimeoutError') return `dial tcp ${address}: i/o timeout`;
  if (code === 'ECONNREFUSED') return `dial tcp ${address}: connect: connection refused`;
  return `dial tcp ${address}: ${message}`;
}

function hostOf(url: string): string {
  const parsed = URL.parse(url);
  if (!parsed) return url;
  return parsed.port ? parsed.host : `${parsed.host}:${parsed.protocol === 'https:' ? 443 : 80}`;
}
