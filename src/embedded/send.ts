import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Answer } from './answer.ts';
import type { EffectOf, Faults, Garbage, LostIndex } from './faults.ts';

const HTML = '<!DOCTYPE html><html><body><h1>Welcome to nginx!</h1></body></html>\n';

/** Sends an answer the way the active faults want it. */
export async function send(
  response: ServerResponse,
  answer: Answer,
  path: string,
  faults: Faults,
  signal: AbortSignal,
): Promise<void> {
  const bent = bend(answer, path, faults);
  const garbage = faults.take('garbage', path);
  if (garbage?.what === 'huge') return flood(response, bent, garbage.bytes);
  const body = Buffer.from(garbage ? garbled(garbage.what, bent.body) : bent.body);
  const cut = faults.take('cut', path);
  const drip = faults.take('drip', path);
  response.writeHead(bent.status, { ...bent.headers, 'Content-Length': body.length });
  if (drip) return dripOut(response, body, drip, signal);
  if (!cut) return void response.end(body);
  response.write(body.subarray(0, body.length >> 1), () => response.destroy());
}

function bend(answer: Answer, path: string, faults: Faults): Answer {
  const isRead = answer.headers['X-Consul-Index'] !== undefined;
  if (!isRead) return answer;
  const lost = faults.take('index', path);
  const headers = lost ? loseIndex(answer.headers, lost.how) : answer.headers;
  if (!faults.take('empty', path)) return { ...answer, headers };
  return { ...answer, headers, body: String(answer.body).startsWith('{') ? '{}' : '[]' };
}

function loseIndex(headers: Answer['headers'], how: LostIndex): Answer['headers'] {
  const { 'X-Consul-Index': index, ...rest } = headers;
  if (how === 'missing') return rest;
  const backwards = String(Math.max(1, Math.floor(Number(index) / 2)));
  // 2^64: one more than a client with 64-bit numbers can hold.
  const values = { zero: '0', text: 'abc', backwards, 'too-large': '18446744073709551616' };
  return { ...rest, 'X-Consul-Index': values[how] };
}

function garbled(what: Exclude<Garbage, 'huge'>, body: Answer['body']): Buffer | string {
  if (typeof what === 'object') return what.body;
  if (what === 'html') return HTML;
  return what === 'null' ? 'null' : body.slice(0, body.length >> 1);
}

/** An endless-looking JSON array, as fast as the client takes it. */
async function flood(response: ServerResponse, answer: Answer, bytes: number): Promise<void> {
  const chunk = Buffer.from('[],'.repeat(20_000));
  response.writeHead(answer.status, answer.headers);
  response.write('[');
  for (let sent = 0; sent < bytes && !response.destroyed; sent += chunk.length) {
    if (!response.write(chunk)) await drained(response);
  }
  response.end('[]]');
}

function drained(response: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => {
    response.off('drain', done).off('close', done);
    resolve();
  };
  response.on('drain', done).on('close', done);
  return promise;
}

async function dripOut(
  response: ServerResponse,
  body: Buffer,
  { bytes, everyMs }: EffectOf<'drip'>,
  signal: AbortSignal,
): Promise<void> {
  response.flushHeaders();
  for (let at = 0; at < body.length; at += bytes) {
    await delay(everyMs, undefined, { signal });
    response.write(body.subarray(at, at + bytes));
  }
  response.end();
}
