import { type ClientRequest, request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { ActiveCheck } from '../../../router/active-checks.ts';
import { UpstreamHandshakes, type UpstreamTlsConfig } from '../../../tls/upstream.ts';
import { probeHttp2 } from './http2-probe.ts';

export interface ProbeResult {
  readonly hasPassed: boolean;
  /** One line for people. */
  readonly output: string;
}

/** Asks once; never rejects. */
export type Probe = (check: ActiveCheck, timeoutMs: number, signal: AbortSignal) => Promise<ProbeResult>;

/** What of a body is read, so that the instance need not see its connection break over a short one. */
const MAX_BODY_BYTES = 64 * 1024;
/** Answers are not kept, but the head of one decides. */
const MAX_HEAD_BYTES = 16 * 1024;

/**
 * GET over a connection of its own, which so proves that the instance still accepts, with TLS where requests have it. 2xx
 * and 3xx pass.
 */
export function createProbe(upstreamTls: UpstreamTlsConfig): Probe {
  const handshakes = new UpstreamHandshakes(upstreamTls);
  return (check, timeoutMs, signal) => {
    const isHttp2 = check.protocol === 'h2' || check.protocol === 'h2c';
    if (isHttp2) return probeHttp2(check, timeoutMs, signal, handshakes);
    return run(open(check, signal, handshakes), timeoutMs);
  };
}

function open(check: ActiveCheck, signal: AbortSignal, handshakes: UpstreamHandshakes): ClientRequest {
  const options: RequestOptions = {
    host: check.address,
    port: check.port,
    path: check.path,
    headers: { host: check.host, 'user-agent': 'fairlead-check', accept: '*/*' },
    agent: false,
    maxHeaderSize: MAX_HEAD_BYTES,
    signal,
  };
  if (check.tls === null) return httpRequest(options);
  return httpsRequest({ ...options, ...handshakes.options(check.tls, 'http/1.1') });
}

function run(request: ClientRequest, timeoutMs: number): Promise<ProbeResult> {
  const { promise, resolve } = Promise.withResolvers<ProbeResult>();
  let result: ProbeResult | null = null;
  const finish = (): void => {
    clearTimeout(timer);
    request.destroy();
    resolve(result ?? failed('the connection was closed without an answer'));
  };
  const timer = setTimeout(() => {
    result ??= failed(`no answer within ${timeoutMs} ms`);
    finish();
  }, timeoutMs);
  request.on('response', (response) => {
    const { statusCode: status = 0 } = response;
    result = { hasPassed: status >= 200 && status < 400, output: `status ${status}` };
    let left = MAX_BODY_BYTES;
    response.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) finish();
    });
    response.on('close', finish);
  });
  request.on('error', (error) => {
    result ??= failed(reasonOf(error));
  });
  request.on('close', finish);
  request.end();
  return promise;
}

function failed(output: string): ProbeResult {
  return { hasPassed: false, output };
}

/** A name with several addresses fails with one error for each. */
function reasonOf(error: Error): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error && first.message !== '' ? first.message : error.name;
}
