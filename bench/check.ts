/** Whether a contestant's answers are right. What answers wrongly is reported so and not measured. */
import { Client, get, rawRequest } from '../test/support/client.ts';
import { h2Client } from '../test/support/http2.ts';
import { bodyOf } from './backend.ts';
import { portFor, type RunningProxy } from './contestants/contestant.ts';
import { clientOptions } from './load/tls-client.ts';
import { BODIES, type ClosedWork, POST_BYTES, small, type Work } from './works.ts';

/** Null when every answer that this work needs is right; otherwise the first that is not. */
export async function whatIsWrong(
  proxy: RunningProxy,
  work: Work,
  hosts: readonly string[],
): Promise<string | null> {
  const host = hosts[0]!;
  const asked = askedBy(work);
  try {
    const port = portFor(proxy, asked.door);
    if (asked.asking === 'http2') await checkHttp2(port, host);
    else if (asked.door === 'https') await checkSecured(port, host);
    else {
      if (asked.method === 'POST') await checkPosts(port, host);
      else await checkGet(port, host, asked.path as keyof typeof BODIES);
      await checkHosts(port, hosts);
    }
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

function askedBy(work: Work): ClosedWork {
  switch (work.kind) {
    case 'closed':
      return work;
    case 'p99':
      return small;
    case 'idle':
      return work.like;
  }
}

/** With the version and the cipher that the load will have. */
async function checkSecured(port: number, host: string): Promise<void> {
  const client = new Client(port, { ...clientOptions, servername: host });
  const answer = await client.request({ path: '/', host }).finally(() => client.close());
  expectAnswer('/', answer.status, answer.headers.get('x-backend'), answer.body);
}

async function checkHttp2(port: number, host: string): Promise<void> {
  const client = await h2Client(port, 'https', { ...clientOptions, servername: host });
  try {
    // Some speak HTTP/2 to whoever begins with it; browsers go by this.
    expect('the protocol by ALPN', client.session.alpnProtocol, 'h2');
    const answer = await client.request({ ':authority': host });
    expectAnswer('/', answer.status, answer.headers['x-backend'], answer.body);
  } finally {
    client.close();
  }
}

async function checkGet(port: number, host: string, path: keyof typeof BODIES): Promise<void> {
  const answer = await get(port, { path, host });
  expectAnswer(path, answer.status, answer.headers.get('x-backend'), answer.body);
}

function expectAnswer(path: keyof typeof BODIES, status: number, field: unknown, body: string): void {
  expect(`the status of ${path}`, status, 200);
  expect(`a field of ${path}`, field, 'bench');
  if (body !== bodyOf(BODIES[path])) throw new Error(`the body of ${path} is not the backend's`);
}

async function checkPosts(port: number, host: string): Promise<void> {
  const answer = await get(port, { method: 'POST', path: '/post', host, body: 'x'.repeat(POST_BYTES) });
  expect('the status of POST', answer.status, 200);
  expect('the body of POST', answer.body, 'taken');
  await checkEcho(port, host);
}

/** Chunks of several sizes must come back as one body. */
async function checkEcho(port: number, host: string): Promise<void> {
  const chunks = ['first', 'x'.repeat(3000), '\r\n0\r\n'];
  const body = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('');
  const head = `POST /echo HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`;
  const { responses, error } = await rawRequest(port, `${head}${body}0\r\n\r\n`, { until: 1 });
  if (error !== undefined) throw new Error(`a chunked POST: ${error}`);
  expect('the status of a chunked POST', responses.at(-1)?.status, 200);
  expect('the method of a chunked POST', responses.at(-1)?.headers.get('x-method'), 'POST');
  expect('the body of a chunked POST', responses.at(-1)?.body, chunks.join(''));
}

/** The first, a middle and the last host reach the backend. */
async function checkHosts(port: number, hosts: readonly string[]): Promise<void> {
  const middle = hosts[Math.floor(hosts.length / 2)]!;
  for (const host of new Set([hosts[0]!, middle, hosts.at(-1)!])) await checkGet(port, host, '/');
}

function expect(what: string, got: unknown, wanted: unknown): void {
  if (got !== wanted) throw new Error(`${what} is ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`);
}
