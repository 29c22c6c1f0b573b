/** Upstream connections read into one buffer: what one of them keeps for later must not be what another reads. */
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Handler } from '../../support/backend.ts';
import { rawRequest } from '../../support/client.ts';
import { head } from '../../support/engine.ts';
import { marked, writeInTurns } from '../../support/marked.ts';
import { eventually } from '../../support/process.ts';
import { begin, plane } from './stage.ts';

const ask = (path: string) => head(`GET ${path} HTTP/1.1`, 'Host: a', 'Connection: close');

/** `/MARK/BYTES/PIECE`: an answer whose head comes in small pieces and whose body in pieces of that many bytes. */
const pieces: Handler = async (request, reply) => {
  const [, mark = '', bytes = '', piece = ''] = request.target.split('/');
  reply.takeOver();
  const start = head('HTTP/1.1 200 OK', `X-Mark: ${mark.repeat(40)}`, `Content-Length: ${bytes}`);
  for (let at = 0; at < start.length; at += 20) {
    await reply.write(start.slice(at, at + 20));
    await sleep(1);
  }
  const whole = marked(mark, Number(bytes));
  for (let at = 0; at < whole.length; at += Number(piece))
    await reply.write(whole.slice(at, at + Number(piece)));
  reply.socket.end();
};

/** Waits until the one client takes nothing more: something of its answer is kept here. */
async function stuck(): Promise<void> {
  let seen = 0;
  const isStuck = (): boolean => {
    seen = plane.http1().some((client) => client.hasUnsent) ? seen + 1 : 0;
    return seen > 20;
  };
  await eventually(isStuck, { timeoutMs: 60_000 });
}

test('heads that arrive in pieces are not mixed up among connections', async () => {
  await begin(pieces);
  const marks = [...'ABCDEFGHIJKLMNOP'];
  const results = await Promise.all(marks.map((mark) => rawRequest(plane.port, ask(`/${mark}/64/9`))));
  for (const [index, { responses }] of results.entries()) {
    const mark = marks[index]!;
    expect(responses[0]?.fields).toContainEqual(['X-Mark', mark.repeat(40)]);
    expect(responses[0]?.body.toString()).toBe(marked(mark, 64));
  }
});

test('bodies in pieces of every size arrive as they were sent, side by side', async () => {
  await begin(pieces);
  const sizes = [100, 4_096, 4_097, 20_000, 40_000, 65_536, 300_000];
  const asked = sizes.map((piece, index) => ({ mark: 'abcdefg'[index]!, piece }));
  const results = await Promise.all(
    asked.map(({ mark, piece }) => rawRequest(plane.port, ask(`/${mark}/600000/${piece}`))),
  );
  for (const [index, { responses }] of results.entries()) {
    expect(responses[0]?.body.toString() === marked(asked[index]!.mark, 600_000)).toBe(true);
  }
});

test('what a client has not taken yet is not overwritten by answers to others', {
  timeout: 90_000,
}, async () => {
  await begin(pieces);
  const slow = connect(plane.port, '127.0.0.1');
  const heard: Buffer[] = [];
  slow.write(ask('/s/16000000/9000'));
  slow.pause();
  await stuck();
  for (const mark of 'uvwxyz') await rawRequest(plane.port, ask(`/${mark}/200000/9000`));
  slow.on('data', (bytes) => heard.push(bytes));
  slow.resume();
  await eventually(() => slow.readableEnded, { timeoutMs: 60_000 });
  const text = Buffer.concat(heard).toString('latin1');
  expect(text.slice(text.indexOf('\r\n\r\n') + 4) === marked('s', 16_000_000)).toBe(true);
});

test('over HTTP/2 neither', async () => {
  await begin(pieces, { http2: true });
  const session = connectHttp2(`http://127.0.0.1:${plane.port}`);
  const asked = [...'abcdefghijklmnop'].map((mark, index) => ({ mark, piece: 50 + index * 260 }));
  const bodies = await Promise.all(
    asked.map(async ({ mark, piece }) => {
      const stream = session.request({ ':path': `/${mark}/60000/${piece}`, ':authority': 'a' });
      const parts: Buffer[] = [];
      for await (const part of stream) parts.push(part as Buffer);
      return Buffer.concat(parts).toString('latin1');
    }),
  );
  session.close();
  for (const [index, text] of bodies.entries())
    expect(text === marked(asked[index]!.mark, 60_000)).toBe(true);
});

test('what comes through a tunnel is not overwritten either', { timeout: 90_000 }, async () => {
  await begin(async (request, reply) => {
    if (request.target !== '/tunnel') return pieces(request, reply);
    reply.takeOver();
    await reply.write(head('HTTP/1.1 101 Switching', 'Connection: upgrade', 'Upgrade: raw'));
    await writeInTurns((piece) => reply.write(piece), marked('t', 16_000_000), 20_000);
    reply.socket.end();
  });
  const client = connect(plane.port, '127.0.0.1');
  client.write(head('GET /tunnel HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: raw'));
  client.pause();
  await stuck();
  for (const mark of 'uvwxyz') await rawRequest(plane.port, ask(`/${mark}/200000/9000`));
  const heard: Buffer[] = [];
  client.on('data', (bytes) => heard.push(bytes));
  client.resume();
  await eventually(() => client.readableEnded, { timeoutMs: 60_000 });
  const text = Buffer.concat(heard).toString('latin1');
  expect(text.slice(text.indexOf('\r\n\r\n') + 4) === marked('t', 16_000_000)).toBe(true);
  client.destroy();
});
