/**
 * Why a stream (a TCP connection that is passed on) ended, with the status its access-log line has: nginx's numbers for
 * its own streams. They go into the access log and into a counter.
 */
export const ENDINGS = {
  client_closed: 200,
  upstream_closed: 200,
  idle: 200,
  /** The router stopped, its port closed or the instance left, and the time to finish was over. */
  drained: 200,
  client_reset: 499,
  upstream_reset: 502,
  connect_failed: 502,
  connect_timeout: 504,
  no_healthy_instance: 503,
  overloaded: 503,
  rate_limited: 429,
  denied: 403,
  no_route: 404,
  not_tls: 400,
  bad_hello: 400,
  hello_timeout: 408,
  /** TLS that should have ended here could not be agreed upon. */
  handshake_failed: 400,
} as const satisfies Readonly<Record<string, number>>;

export type Ending = keyof typeof ENDINGS;

export const ENDING_NAMES = Object.keys(ENDINGS) as readonly Ending[];
