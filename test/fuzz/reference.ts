/**
 * HTTP/1.1 as we read it, written for clarity from RFC 9110 and RFC 9112, independently of the router: the measure for
 * its parsers. Slow, restarts from the first byte, and shares no line with what it judges.
 */

export { type Body, type Chunked, readChunked } from './reference/chunked.ts';
export { hostOf } from './reference/host.ts';
export type { Framing, Incomplete, Limits, Refused } from './reference/outcome.ts';
export { type Request, readRequest } from './reference/request.ts';
export { type Response, readResponse } from './reference/response.ts';
