import { STATUS_CODES } from 'node:http';
import { REPLIES, RETRY_AFTER_SECONDS, type Reason } from '../shared/reasons.ts';
import { Field, fieldValue } from './http1/fields.ts';
import type { Refused, RequestHead } from './http1/heads.ts';

/** What a reply of our own depends on. */
export interface ReplyContext {
  readonly method: string;
  /** The client's `Accept`, to choose between a page and a line. */
  readonly accept: string;
  readonly keepAlive: boolean;
  /** HTTP/1.0 clients are told about keep-alive. */
  readonly minor: number;
  /** Value of `Strict-Transport-Security`; empty for none. */
  readonly hsts?: string;
}

export function contextOf(head: RequestHead, keepAlive: boolean, hsts: string): ReplyContext {
  return { method: head.method, minor: head.minor, accept: fieldValue(head, Field.accept), keepAlive, hsts };
}

export interface Reply {
  readonly status: number;
  /** Name, value, name, value: without those of the connection. */
  readonly fields: readonly string[];
  readonly body: string;
  /** The complete response for HTTP/1, head and body, in latin1. */
  readonly text: string;
  readonly bodyBytes: number;
}

/**
 * A complete HTTP/1.1 response for a reason. Nothing of the request is echoed and nothing internal is said.
 * `status` differs from the reason's own where one reason covers several (417 and 505 are malformed requests too).
 */
export function replyFor(
  reason: Reason,
  context: ReplyContext,
  status: number = REPLIES[reason].status,
): Reply {
  const isPage = prefersHtml(context.accept);
  const body = isPage ? page(status, REPLIES[reason].text) : `${status} ${REPLIES[reason].text}\n`;
  const retryAfter = RETRY_AFTER_SECONDS[reason];
  const fields = [
    ...['Content-Type', `${isPage ? 'text/html' : 'text/plain'}; charset=utf-8`],
    ...['Content-Length', `${body.length}`],
    ...['X-Fairlead-Reason', reason],
    ...['Cache-Control', 'no-store', 'X-Content-Type-Options', 'nosniff'],
  ];
  if (retryAfter !== undefined) fields.push('Retry-After', `${retryAfter}`);
  return finish(status, fields, body, context);
}

/** The reason for a status that a head was refused with. */
export function reasonOfRefusal(status: Refused['status']): Reason {
  switch (status) {
    case 408:
      return 'request_timeout';
    case 413:
      return 'body_too_large';
    case 414:
      return 'uri_too_long';
    case 431:
      return 'headers_too_large';
    case 501:
      return 'not_implemented';
    default:
      return 'bad_request';
  }
}

/** A redirect; `location` was validated where it was configured. */
export function redirectTo(status: number, location: string, context: ReplyContext): Reply {
  return finish(status, ['Location', location, 'Content-Length', '0'], '', context);
}

/** What an ACME authority asks for (RFC 8555, 8.3). */
export function challengeReply(keyAuthorization: string, context: ReplyContext): Reply {
  const fields = [
    ...['Content-Type', 'application/octet-stream', 'Content-Length', `${keyAuthorization.length}`],
    ...['Cache-Control', 'no-store'],
  ];
  return finish(200, fields, keyAuthorization, context);
}

function finish(status: number, fields: string[], body: string, context: ReplyContext): Reply {
  const { hsts = '' } = context;
  if (hsts !== '') fields.push('Strict-Transport-Security', hsts);
  const sent = context.method === 'HEAD' ? '' : body;
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
  for (let f = 0; f < fields.length; f += 2) text += `${fields[f]}: ${fields[f + 1]}\r\n`;
  text += `${connectionField(context.keepAlive, context.minor)}\r\n${sent}`;
  return { status, fields, body: sent, text, bodyBytes: sent.length };
}

/** RFC 9112 §9.3: silence means keep-alive in 1.1 and close in 1.0. */
export function connectionField(keepAlive: boolean, minor: number): string {
  if (!keepAlive) return 'Connection: close\r\n';
  return minor === 0 ? 'Connection: keep-alive\r\n' : '';
}

/** A browser lists text/html before anything else; programs rarely name it at all. */
function prefersHtml(accept: string): boolean {
  const html = accept.indexOf('text/html');
  if (html < 0) return false;
  const plain = accept.indexOf('text/plain');
  return plain < 0 || html < plain;
}

function page(status: number, text: string): string {
  const title = `${status} ${STATUS_CODES[status] ?? ''}`;
  return (
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>` +
    '<meta name="viewport" content="width=device-width">' +
    '<style>body{font:16px/1.5 system-ui,sans-serif;margin:15vh auto;max-width:32rem;padding:0 1rem}</style>' +
    `</head><body><h1>${title}</h1><p>${text}</p></body></html>\n`
  );
}
