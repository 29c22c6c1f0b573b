import { get } from 'node:http';

/** The admin listener of a running router. */
export interface Target {
  readonly url: string;
  readonly token: string | null;
}

export interface AdminAnswer {
  readonly status: number;
  readonly body: string;
}

const patienceMs = 5000;

/** One GET, with the token. Not `fetch`: that refuses ports which browsers keep for other protocols. */
export function request(target: Target, path: string): Promise<AdminAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<AdminAnswer>();
  const headers = target.token === null ? {} : { authorization: `Bearer ${target.token}` };
  const signal = AbortSignal.timeout(patienceMs);
  const outgoing = get(target.url + path, { headers, signal, agent: false }, (incoming) => {
    let body = '';
    incoming.setEncoding('utf8');
    incoming.on('data', (text: string) => {
      body += text;
    });
    incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body }));
    incoming.on('error', reject);
  });
  outgoing.on('error', reject);
  return promise;
}
