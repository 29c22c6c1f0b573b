/**
 * Every answer the router invents, by reason: status, whether the client may come back, and what a person reads. The
 * reason goes out as `x-fairlead-reason`, into the access log and into a counter.
 */
export const REPLIES = {
  bad_request: { status: 400, text: 'The request could not be understood.' },
  denied: { status: 403, text: 'Access to this address is not allowed.' },
  no_route: { status: 404, text: 'There is no service at this address.' },
  request_timeout: { status: 408, text: 'The request took too long to arrive.' },
  body_too_large: { status: 413, text: 'The request body is larger than allowed.' },
  uri_too_long: { status: 414, text: 'The address of the request is longer than allowed.' },
  misdirected: { status: 421, text: 'This connection does not serve that host.' },
  rate_limited: { status: 429, text: 'Too many requests. Please try again soon.' },
  headers_too_large: { status: 431, text: 'The request header is larger than allowed.' },
  not_implemented: { status: 501, text: 'The request asks for something that is not offered here.' },
  connect_failed: { status: 502, text: 'The service could not be reached.' },
  upstream_reset: { status: 502, text: 'The service closed the connection before it answered.' },
  bad_response: { status: 502, text: 'The service sent an answer that could not be understood.' },
  no_healthy_instance: {
    status: 503,
    text: 'The service is not available right now. Please try again soon.',
  },
  no_catalog: { status: 503, text: 'The list of services is not available yet. Please try again soon.' },
  overloaded: { status: 503, text: 'Too much is going on right now. Please try again soon.' },
  draining: { status: 503, text: 'This server is shutting down. Please try again.' },
  upstream_timeout: { status: 504, text: 'The service did not answer in time.' },
  connect_timeout: { status: 504, text: 'The service could not be reached in time.' },
} as const satisfies Readonly<Record<string, { status: number; text: string }>>;

export type Reason = keyof typeof REPLIES;

export const REASONS = Object.keys(REPLIES) as readonly Reason[];

/** Answers that carry `Retry-After`, in seconds. */
export const RETRY_AFTER_SECONDS: Partial<Record<Reason, number>> = {
  no_healthy_instance: 2,
  no_catalog: 2,
  overloaded: 1,
  draining: 1,
  rate_limited: 1,
};
