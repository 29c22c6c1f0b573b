/** Whether a contestant's answers are right. What answers wrongly is reported so and not measured. */
import { get, rawRequest } from '../test/support/client.ts';
import { bodyOf } from './backend.ts';
import { portFor, type RunningProxy } from './contestants/contestant.ts';
import { BODIES, POST_BYTES, type Work } from './works.ts';

/** Null when every answer that this work needs is right; otherwise the first that is not. */
export async function whatIsWrong(
  proxy: RunningProxy,
  work: Work,
  hosts: readonly string[],
): Promise<string | null> {
  const host = hosts[0]!;
  try {
    const port = portFor(proxy, work.kind === 'closed' && work.isStream);
    if (work.kind === 'closed' && work.method === 'POST') await checkPosts(port, host);
    else await checkGet(port, host, work.kind === 'closed' ? (work.path as keyof typeof BODIES) : '/');
    await checkHosts(port, hosts);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

async function checkGet(port: number, host: string, path: keyof typeof BODIES): Promise<void> {
  const answer = await get(port, { path, host });
  expect(`the status of ${path}`, answer.status, 200);
  expect(`a field of ${path}`, answer.headers.get('x-backend'), 'bench');
  if (answer.body !== bodyOf(BODIES[path])) throw new Error(`the body of ${path} is not the backend's`);
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
