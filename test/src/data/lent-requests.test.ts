/** Client connections read into one buffer: what one of them keeps for later must not be what another sends. */
import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Handler } from '../../support/backend.ts';
import { rawRequest } from '../../support/client.ts';
import { head } from '../../support/engine.ts';
import { startHttp2Backend } from '../../support/http2-backend.ts';
import { marked, writeInTurns } from '../../support/marked.ts';
import { eventually } from '../../support/process.ts';
import { begin, plane } from './stage.ts';

const MARKS = [...'abcdefghijklmnop'];

/** Says back the body, or the target where there is none. */
const mirror: Handler = async (request, reply) => {
  const parts: Buffer[] = [];
  for await (const part of request.body) parts.push(part as Buffer);
  await reply.send({ body: parts.length > 0 ? Buffer.concat(parts) : request.target });
};

interface Talk {
  readonly socket: Socket;
  text: string;
  hasEnded: boolean;
}

async function open(to: number): Promise<Talk> {
  const socket = connect({ port: to, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  const talk: Talk = { socket, text: '', hasEnded: false };
  socket.on('data', (bytes) => {
    talk.text += bytes.toString('latin1');
  });
  socket.on('end', () => {
    talk.hasEnded = true;
    socket.end();
  });
  await eventually(() => !socket.connecting);
  return talk;
}

/** Each client sends a piece of its own in every turn, all of them side by side; resolves when all are answered. */
async function together(texts: string[], pieces: number[]): Promise<Talk[]> {
  const talks = await Promise.all(texts.map(() => open(plane.port)));
  await Promise.all(
    talks.map(({ socket }, index) =>
      writeInTurns((piece) => socket.write(piece, 'latin1'), texts[index]!, pieces[index % pieces.length]!),
    ),
  );
  await eventually(() => talks.every(({ hasEnded }) => hasEnded), { timeoutMs: 30_000 });
  return talks;
}

const bodyOf = ({ text }: Talk): string => text.slice(text.indexOf('\r\n\r\n') + 4);
const post = (mark: string, bytes: number): string =>
  head(`POST /${mark} HTTP/1.1`, 'Host: a', `Content-Length: ${bytes}`, 'Connection: close') +
  marked(mark, bytes);

test('heads that arrive in pieces are not mixed up among clients', async () => {
  await begin(mirror);
  const texts = MARKS.map((mark) =>
    head(`GET /${marked(mark, 200)} HTTP/1.1`, 'Host: a', 'Connection: close'),
  );
  const talks = await together(texts, [7, 11, 40]);
  for (const [index, talk] of talks.entries()) expect(bodyOf(talk)).toBe(`/${marked(MARKS[index]!, 200)}`);
});

test('bodies in pieces of every size arrive as they were sent, those that wait for a connection too', async () => {
  await begin(mirror);
  const sizes = [30, 900, 4_000, 4_096, 4_097, 9_000, 70_000];
  const talks = await together(
    MARKS.map((mark) => post(mark, 40_000)),
    sizes,
  );
  for (const [index, talk] of talks.entries())
    expect(bodyOf(talk) === marked(MARKS[index]!, 40_000)).toBe(true);
});

test('to an instance with HTTP/2 as well', async () => {
  await begin();
  const http2 = await startHttp2Backend({
    handler: async (stream) => {
      const parts: Buffer[] = [];
      for await (const part of stream) parts.push(part as Buffer);
      stream.respond({ ':status': 200 });
      stream.end(Buffer.concat(parts));
    },
  });
  plane.setPools({ main: [{ port: http2.port, protocol: 'h2c' }] });
  const talks = await together(
    MARKS.map((mark) => post(mark, 20_000)),
    [30, 900, 4_000, 9_000],
  );
  await http2.close();
  for (const [index, talk] of talks.entries())
    expect(talk.text.replaceAll(/\r\n[0-9a-f]+\r\n/g, '')).toContain(marked(MARKS[index]!, 8));
  const heard = talks.map(({ text }) =>
    text.slice(text.indexOf('\r\n\r\n') + 4).replaceAll(/(^|\r\n)[0-9a-f]+\r\n/g, ''),
  );
  for (const [index, text] of heard.entries())
    expect(text.startsWith(marked(MARKS[index]!, 20_000))).toBe(true);
});

test('requests that wait behind others are answered as they were asked', async () => {
  await begin(mirror);
  const pipeline = (mark: string): string =>
    Array.from({ length: 20 }, (_, index) =>
      head(`GET /${mark}${index} HTTP/1.1`, 'Host: a', ...(index === 19 ? ['Connection: close'] : [])),
    ).join('');
  const talks = await together(MARKS.map(pipeline), [333, 800, 2_000]);
  for (const [index, { text }] of talks.entries()) {
    const targets = [...text.matchAll(/\r\n\r\n(\/[a-p]\d+)/g)].map(([, target]) => target);
    expect(targets).toEqual(Array.from({ length: 20 }, (_, at) => `/${MARKS[index]}${at}`));
  }
});

test('a request that comes while its connection waits for an answer is kept as it was sent', async () => {
  const waiting: (() => Promise<void>)[] = [];
  await begin(async (request, reply) => {
    if (!request.target.endsWith('/first')) return mirror(request, reply);
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.push(async () => resolve(await reply.send()));
    await promise;
  });
  const talks = await Promise.all(MARKS.map(() => open(plane.port)));
  for (const [index, { socket }] of talks.entries())
    socket.write(head(`GET /${MARKS[index]}/first HTTP/1.1`, 'Host: a'));
  await eventually(() => waiting.length === MARKS.length);
  for (const [index, { socket }] of talks.entries())
    socket.write(head(`GET /${marked(MARKS[index]!, 100)} HTTP/1.1`, 'Host: a', 'Connection: close'));
  // Sent later, so that by their answers everything before has been read.
  for (const mark of 'xyz') await rawRequest(plane.port, post(mark, 100));
  for (const answer of waiting) await answer();
  await eventually(() => talks.every(({ hasEnded }) => hasEnded));
  for (const [index, { text }] of talks.entries()) expect(text).toContain(marked(MARKS[index]!, 100));
});

test('what an instance has not taken yet of a tunnel is not overwritten by what others send', async () => {
  const heard: Buffer[] = [];
  let instance: Socket | null = null;
  await begin(async (request, reply) => {
    if (request.target !== '/tunnel') return mirror(request, reply);
    const first = reply.takeOver();
    if (first.length > 0) heard.push(first);
    instance = reply.socket;
    await reply.write(head('HTTP/1.1 101 Switching', 'Connection: upgrade', 'Upgrade: raw'));
    reply.socket.pause();
  });
  const client = await open(plane.port);
  client.socket.write(head('GET /tunnel HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: raw'));
  await eventually(() => client.text.startsWith('HTTP/1.1 101'));
  const sent = marked('t', 12_000_000);
  // Most of it stays here, since the instance does not read.
  const sending = writeInTurns((piece) => client.socket.write(piece, 'latin1'), sent, 3_000);
  await eventually(() => plane.http1().some(({ isPaused }) => isPaused), { timeoutMs: 30_000 });
  for (const mark of MARKS) await rawRequest(plane.port, post(mark, 4_000));
  instance!.on('data', (bytes: Buffer) => heard.push(bytes));
  instance!.on('end', () => instance!.end());
  instance!.resume();
  await sending;
  await turn();
  client.socket.end();
  await eventually(() => client.hasEnded, { timeoutMs: 30_000 });
  expect(Buffer.concat(heard).toString('latin1') === sent).toBe(true);
});
