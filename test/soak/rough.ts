/** Clients that misbehave. What they get matters little, but where an answer is due it must be the right one. */
import type { Random } from '../fuzz/random.ts';
import { pause } from './clean.ts';
import { payload } from './payload.ts';
import { requestHead, Talk } from './talk.ts';

export interface RoughContext {
  readonly port: number;
  readonly random: Random;
  readonly hosts: readonly string[];
  /** A host that is here now, or was a moment ago. */
  readonly passingHost: () => string;
  /** The slow give up when the load ends. */
  readonly signal: AbortSignal;
}

type Rough = (context: RoughContext) => Promise<void>;

/** Quick: repeated at a rate. */
export const rough: Readonly<Record<string, Rough>> = {
  'abort in the head': (context) => abort(context, 'GET / HTTP/1.1\r\nHost: a', 10),
  'abort in the body': (context) =>
    abort(
      context,
      `${requestHead('POST', host(context), '/', 'Content-Length: 100000')}${'x'.repeat(30_000)}`,
      20,
    ),
  'abort in chunks': (context) =>
    abort(context, `${requestHead('POST', host(context), '/', 'Transfer-Encoding: chunked')}ffff\r\nxyz`, 20),
  'abort before the answer': (context) => abort(context, requestHead('GET', host(context), '/late/300'), 50),
  'abort in the answer': abortInAnswer,
  'abort of a tunnel': abortTunnel,
  'bad request': badRequest,
  'passing host': passingHost,
  'nothing at all': (context) => abort(context, '', 30),
};

/** Slow: a number of them at all times. */
export const slow: Readonly<Record<string, Rough>> = {
  'slow head': slowHead,
  'slow body': slowBody,
};

const host = ({ random, hosts }: RoughContext): string => random.pick(hosts);

function leave(talk: Talk, random: Random): void {
  if (random.chance(0.5)) talk.close();
  else talk.reset();
}

async function abort({ port, random }: RoughContext, text: string, afterMs: number): Promise<void> {
  const talk = new Talk(port);
  if (text !== '') await talk.send(text);
  await pause(random.below(afterMs * 2));
  leave(talk, random);
}

async function abortInAnswer(context: RoughContext): Promise<void> {
  const talk = new Talk(context.port);
  await talk.send(requestHead('GET', host(context), '/bytes/4000000/1'));
  await talk.reader.some();
  leave(talk, context.random);
}

async function abortTunnel(context: RoughContext): Promise<void> {
  const talk = new Talk(context.port);
  await talk.send(requestHead('GET', host(context), '/', 'Connection: Upgrade', 'Upgrade: echo'));
  await talk.reader.some();
  await talk.send(payload(100_000, 1));
  leave(talk, context.random);
}

const BAD: readonly (readonly [text: string, status: number])[] = [
  ['GET / HTTP/1.1\r\n\r\n', 400],
  ['GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
  ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
  ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n', 400],
  ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 400],
  [`GET /${'x'.repeat(9_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
  [`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ['CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', 501],
];

async function badRequest({ port, random }: RoughContext): Promise<void> {
  const [text, wanted] = random.pick(BAD);
  const talk = new Talk(port);
  try {
    await talk.send(Buffer.from(text, 'latin1'));
    const { status } = await talk.answer();
    if (status !== wanted)
      throw new Error(`${status} instead of ${wanted} for ${JSON.stringify(text.slice(0, 40))}`);
  } finally {
    talk.close();
  }
}

async function passingHost({ port, passingHost }: RoughContext): Promise<void> {
  const talk = new Talk(port);
  try {
    await talk.send(requestHead('GET', passingHost(), '/bytes/10/1'));
    const { status } = await talk.answer();
    if (![200, 404, 503].includes(status)) throw new Error(String(status));
  } finally {
    talk.close();
  }
}

/** The head's time runs out: 408. */
async function slowHead(context: RoughContext): Promise<void> {
  await trickle(context, `GET / HTTP/1.1\r\nHost: ${host(context)}\r\n`, 'X-Slow: 1\r\n');
}

/** The body comes at less than the least rate: 408. */
async function slowBody(context: RoughContext): Promise<void> {
  await trickle(context, requestHead('POST', host(context), '/whole', 'Content-Length: 100000'), 'x');
}

async function trickle(context: RoughContext, begin: string, drop: string): Promise<void> {
  const talk = new Talk(context.port, 60_000);
  const answer = talk.answer();
  let isOver = false;
  const over = answer.then(
    () => {
      isOver = true;
    },
    () => {
      isOver = true;
    },
  );
  await talk.send(begin);
  for (let turn = 0; !isOver && !context.signal.aborted; turn++) {
    await talk.send(drop.charAt(turn % drop.length));
    await Promise.race([pause(200), over]);
  }
  talk.close();
  if (context.signal.aborted) return void answer.catch(() => {});
  const { status } = await answer;
  if (status !== 408) throw new Error(`${status} instead of 408`);
}
