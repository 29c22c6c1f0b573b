/** Connections that close with their answer, of every size and to clients of every pace: none may lose a byte. */
import { connect } from 'node:net';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Random } from '../../fuzz/random.ts';
import type { Handler } from '../../support/backend.ts';
import { head } from '../../support/engine.ts';
import { marked } from '../../support/marked.ts';
import { eventually } from '../../support/process.ts';
import { begin, plane } from './stage.ts';

const AT_ONCE = 16;
const ROUNDS = Number(process.env.FAIRLEAD_ROUGH_ROUNDS ?? 4);
const SIZES = [0, 1, 100, 4_000, 4_096, 4_097, 65_536, 131_072, 131_073, 1_000_000];
/** More than the system keeps for somebody slow. */
const LARGE = 16_000_000;
const WHOLE = Buffer.from(marked('m', LARGE), 'latin1');

/** `/BYTES`: so many come back, after all that was sent. */
const answer: Handler = async (request, reply) => {
  let sum = 0;
  for await (const part of request.body) sum += (part as Buffer).length;
  await reply.send({
    body: WHOLE.subarray(0, Number(request.target.slice(1))),
    fields: [['X-Sum', String(sum)]],
  });
};

/** One request in pieces, and an answer that is read with breaks. */
async function ask(random: Random, resets: boolean): Promise<string | null> {
  const [bytes, sent] = [random.mostly(SIZES, [LARGE], 0.15), random.pick([0, 0, 1, 5_000, 70_000, 300_000])];
  const isOld = random.chance(0.3);
  const fields = [
    'Host: a',
    ...(isOld ? [] : ['Connection: close']),
    ...(sent > 0 ? [`Content-Length: ${sent}`] : []),
  ];
  const text = `${head(`${sent > 0 ? 'POST' : 'GET'} /${bytes} HTTP/1.${isOld ? 0 : 1}`, ...fields)}${'x'.repeat(sent)}`;
  const socket = connect(plane.port, '127.0.0.1');
  const heard: Buffer[] = [];
  let ending = '';
  const breaks = random.pick([0, 0, 0.1, 0.5]);
  socket.on('data', (part) => {
    heard.push(part);
    if (!random.chance(breaks)) return;
    socket.pause();
    setTimeout(() => socket.resume(), random.below(10));
  });
  socket.on('end', () => {
    ending ||= 'end';
  });
  socket.on('error', ({ code }: NodeJS.ErrnoException) => {
    ending ||= String(code);
  });
  for (let at = 0; at < text.length; ) {
    const piece = random.pick([1, 20, 3_000, 60_000, text.length]);
    socket.write(text.slice(at, at + piece));
    at += piece;
    if (random.chance(0.3)) await sleep(random.below(3));
  }
  if (resets && random.chance(0.5)) {
    await sleep(random.below(100));
    socket.resetAndDestroy();
    return null;
  }
  await eventually(() => ending !== '', { timeoutMs: 20_000, what: `the end of ${bytes} after ${sent}` });
  socket.destroy();
  const all = Buffer.concat(heard);
  const end = all.indexOf('\r\n\r\n') + 4;
  const answered = all.toString('latin1', 0, end);
  const what = `${bytes} after ${sent}${isOld ? ', HTTP/1.0' : ''}`;
  if (ending !== 'end') return `${what}: ${ending} after ${all.length}`;
  if (!/^HTTP\/1\.[01] 200 /.test(answered)) return `${what}: ${answered}`;
  if (!answered.includes(`X-Sum: ${sent}\r\n`)) return `${what}: the instance has not heard all`;
  return all.subarray(end).equals(WHOLE.subarray(0, bytes))
    ? null
    : `${what}: ${all.length - end} other bytes`;
}

test.each([false, true])(
  'no byte is lost at the end; some clients reset: %s',
  { timeout: 600_000 },
  async (resets) => {
    await begin(answer);
    for (let round = 0; round < ROUNDS; round++) {
      const asked = Array.from({ length: AT_ONCE }, (_, i) => ask(Random.ofCase(round, i), resets));
      expect(
        (await Promise.all(asked)).filter((fault) => fault !== null),
        `round ${round}`,
      ).toEqual([]);
    }
  },
);

test('an answer that ends while some of it waits for its client still arrives whole', async () => {
  let sent = 0;
  await begin(async (_request, reply) => {
    reply.takeOver();
    await reply.write(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'));
    // Text waits for the end of its turn; what waits for longer is what the system does not take.
    for (let turns = 0; turns < 10; turns = plane.http1()[0]!.hasUnsent ? turns + 1 : 0) {
      if (turns === 0) {
        await reply.write(`${(4_000).toString(16)}\r\n${'x'.repeat(4_000)}\r\n`);
        sent += 4_000;
      }
      await turn();
    }
    await reply.write('0\r\n\r\n');
  });
  const socket = connect(plane.port, '127.0.0.1');
  socket.pause();
  let text = '';
  socket.on('data', (part) => {
    text += part.toString('latin1');
  });
  socket.write(head('GET / HTTP/1.1', 'Host: a', 'Connection: close'));
  await eventually(() => plane.log().length === 1, { timeoutMs: 20_000 });
  socket.resume();
  await eventually(() => socket.readableEnded || socket.errored !== null);
  expect(text.endsWith('\r\n0\r\n\r\n')).toBe(true);
  expect(text.split('x').length - 1).toBe(sent);
});
