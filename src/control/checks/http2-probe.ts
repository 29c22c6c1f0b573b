import { connect } from 'node:http2';
import { connect as connectPlain } from 'node:net';
import { connect as connectSecure, type TLSSocket } from 'node:tls';
import type { ActiveCheck } from '../../../router/active-checks.ts';
import type { UpstreamHandshakes } from '../../../tls/upstream.ts';
import type { ProbeResult } from './http-probe.ts';

/** The same question over HTTP/2, whose connection is closed as soon as the head of the answer is there. */
export function probeHttp2(
  check: ActiveCheck,
  timeoutMs: number,
  signal: AbortSignal,
  handshakes: UpstreamHandshakes,
): Promise<ProbeResult> {
  const { promise, resolve } = Promise.withResolvers<ProbeResult>();
  const { address: host, port, tls } = check;
  const scheme = tls === null ? 'http' : 'https';
  const session = connect(`${scheme}://${check.host}`, {
    createConnection: () =>
      tls === null
        ? connectPlain({ host, port })
        : connectSecure({ host, port, ...handshakes.options(tls, 'h2') }),
    settings: { enablePush: false },
  });
  const finish = (hasPassed: boolean, output: string): void => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    session.destroy();
    resolve({ hasPassed, output });
  };
  const onAbort = (): void => finish(false, 'not asked any more');
  const timer = setTimeout(() => finish(false, `no answer within ${timeoutMs} ms`), timeoutMs);
  signal.addEventListener('abort', onAbort);
  session.on('error', (error) => finish(false, error.message));
  session.on('close', () => finish(false, 'the connection was closed without an answer'));
  session.on('connect', (_session, socket) => {
    if (tls !== null && (socket as TLSSocket).alpnProtocol !== 'h2') {
      finish(false, 'it does not choose HTTP/2 (ALPN h2)');
    }
  });
  const stream = session.request({
    ...{ ':path': check.path, ':authority': check.host, ':scheme': scheme },
    ...{ 'user-agent': 'fairlead-check', accept: '*/*' },
  });
  stream.on('response', ({ ':status': status = 0 }) =>
    finish(status >= 200 && status < 400, `status ${status}`),
  );
  stream.on('error', (error) => finish(false, error.message));
  stream.on('close', () => finish(false, 'the stream was closed without an answer'));
  return promise;
}
