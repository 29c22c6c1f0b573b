import net, { type OnReadOpts } from 'node:net';
import tls from 'node:tls';
import type { UpstreamHandshakes } from '../../tls/upstream.ts';
import type { Endpoint } from './endpoint.ts';

/** Of `net.connect` and `tls.connect` alike. */
const OPTIONS = { noDelay: true, allowHalfOpen: true, keepAlive: true, keepAliveInitialDelay: 60_000 };

/** A socket on its way to an endpoint, with TLS where it speaks that. `onConnected` is told when both are done. */
export function dial(
  endpoint: Endpoint,
  handshakes: UpstreamHandshakes,
  protocol: 'http/1.1' | 'h2',
  onConnected: () => void,
  onread?: OnReadOpts,
): net.Socket {
  const { address: host, port } = endpoint;
  const options = { ...OPTIONS, host, port, ...(onread && { onread }) };
  if (endpoint.tls === null) return net.connect(options).on('connect', onConnected);
  const session = endpoint.tlsSession;
  const socket = tls.connect({
    ...options,
    ...handshakes.options(endpoint.tls, protocol),
    ...(session && { session }),
  });
  // It goes with the endpoint, and so with the name that was proven: a resumed session is not asked for it again.
  socket.on('session', (latest) => {
    endpoint.tlsSession = latest;
  });
  return socket.on('secureConnect', onConnected);
}
