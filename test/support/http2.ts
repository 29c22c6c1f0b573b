/** An HTTP/2 client that tells all it hears of one stream: Node's, without its conveniences. */

import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientSessionOptions,
  connect,
  type SecureClientSessionOptions,
} from 'node:http2';

export interface H2Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly interim: number[];
  readonly body: string;
  readonly bytes: number;
  readonly trailers: Record<string, string | string[] | undefined>;
  /** 0 for a stream that ended in order. */
  readonly rstCode: number;
}

export interface H2Client {
  readonly session: ClientHttp2Session;
  request(
    fields?: Record<string, string | string[] | number>,
    body?: string | Buffer,
    more?: H2Request,
  ): Promise<H2Answer>;
  close(): void;
}

export interface H2Request {
  trailers?: Record<string, string>;
}

export async function h2Client(
  port: number,
  scheme: 'http' | 'https' = 'https',
  options: ClientSessionOptions | SecureClientSessionOptions = {},
): Promise<H2Client> {
  const session = connect(`${scheme}://127.0.0.1:${port}`, { rejectUnauthorized: false, ...options });
  await once(session, 'connect');
  session.on('error', () => {});
  return {
    session,
    request: (fields, body, more) => request(session, fields, body, more),
    close: () => session.destroy(),
  };
}

function request(
  session: ClientHttp2Session,
  fields: Record<string, string | string[] | number> = {},
  body?: string | Buffer,
  more: H2Request = {},
): Promise<H2Answer> {
  const { promise, resolve } = Promise.withResolvers<H2Answer>();
  const stream = session.request(
    { ':path': '/', ':authority': 'a.test', ...fields },
    { endStream: body === undefined, waitForTrailers: more.trailers !== undefined },
  );
  const answer = { status: 0, headers: {}, trailers: {}, interim: [] as number[] };
  const chunks: Buffer[] = [];
  stream.on('headers', (headers) => answer.interim.push(Number(headers[':status'])));
  stream.on('response', (headers) => {
    answer.headers = headers;
    answer.status = Number(headers[':status']);
  });
  stream.on('trailers', (trailers) => {
    answer.trailers = trailers;
  });
  stream.on('wantTrailers', () => stream.sendTrailers(more.trailers!));
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', () => {});
  stream.on('close', () => {
    const bytes = Buffer.concat(chunks);
    resolve({ ...answer, body: bytes.toString(), bytes: bytes.length, rstCode: stream.rstCode });
  });
  if (body !== undefined) stream.end(body);
  return promise;
}
