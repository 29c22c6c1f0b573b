/** Clients that do nothing wrong: every one of their requests must be answered, every byte right. */
import { WebSocket } from 'ws';
import type { Random } from '../fuzz/random.ts';
import { chunked, payload, SEEDS } from './payload.ts';
import { requestHead, Talk } from './talk.ts';

export interface CleanContext {
  readonly port: number;
  readonly random: Random;
  /** Always with an instance that is well; instances come and go, none is killed. */
  readonly calmHosts: readonly string[];
  /** The same, and instances are killed in the middle of what they do. */
  readonly deadlyHosts: readonly string[];
}

type Job = (talk: Talk, context: CleanContext) => Promise<void>;

/** Requests over a kept connection, by kind. What is not repeated when an instance dies goes to hosts where none does. */
export const jobs: Readonly<Record<string, { readonly share: number; readonly run: Job }>> = {
  get: { share: 60, run: (talk, context) => get(talk, context, 'bytes', 4 * 1024, anyHost(context)) },
  'get chunked': {
    share: 8,
    run: (talk, context) => get(talk, context, 'chunked', 60_000, calmHost(context)),
  },
  'get large': { share: 4, run: (talk, context) => get(talk, context, 'bytes', 600_000, calmHost(context)) },
  post: { share: 10, run: post },
  'post chunked': { share: 8, run: postChunked },
  pipeline: { share: 6, run: pipeline },
  'get in pieces': { share: 2, run: inPieces },
  reconnect: { share: 2, run: async (talk) => talk.close() },
};

const shares = Object.values(jobs).reduce((sum, { share }) => sum + share, 0);

export function pickJob(random: Random): string {
  let at = random.below(shares);
  const found = Object.entries(jobs).find(([, { share }]) => {
    at -= share;
    return at < 0;
  });
  return found![0];
}

const calmHost = ({ random, calmHosts }: CleanContext): string => random.pick(calmHosts);
const anyHost = ({ random, calmHosts, deadlyHosts }: CleanContext): string =>
  random.pick(random.chance(0.3) ? deadlyHosts : calmHosts);

function verify(what: string, got: Buffer, wanted: Buffer): void {
  if (!got.equals(wanted))
    throw new Error(`${what}: ${got.length} bytes that are not the ${wanted.length} sent`);
}

async function expectBody(talk: Talk, wanted: Buffer): Promise<void> {
  const { status, headers, bytes } = await talk.answer();
  if (status !== 200) throw new Error(`${status} ${headers.get('x-fairlead-reason') ?? ''}`.trim());
  verify('answer', bytes, wanted);
  if (headers.get('connection') === 'close') talk.close();
}

async function get(talk: Talk, { random }: CleanContext, path: string, maxBytes: number, host: string) {
  const [bytes, seed] = [random.below(maxBytes), random.below(SEEDS)];
  await talk.send(requestHead('GET', host, `/${path}/${bytes}/${seed}`));
  await expectBody(talk, payload(bytes, seed));
}

function upload(random: Random): Buffer {
  return payload(random.below(random.chance(0.1) ? 400_000 : 8_000), random.below(SEEDS));
}

async function post(talk: Talk, context: CleanContext): Promise<void> {
  const body = upload(context.random);
  const sent = talk.send(requestHead('POST', calmHost(context), '/', `Content-Length: ${body.length}`));
  // Cut somewhere, so that head and body arrive together in no fixed way.
  const cut = context.random.below(body.length + 1);
  void sent.then(() => talk.send(body.subarray(0, cut))).then(() => talk.send(body.subarray(cut)));
  await expectBody(talk, body);
}

async function postChunked(talk: Talk, context: CleanContext): Promise<void> {
  const { random } = context;
  const body = upload(random);
  const sizes = [1 + random.below(2_000), 1 + random.below(30_000), 1 + random.below(200)];
  const head = requestHead('POST', calmHost(context), '/', 'Transfer-Encoding: chunked');
  void talk.send(head).then(() => talk.send(chunked(body, sizes)));
  await expectBody(talk, body);
}

/**
 * Requests before the answers to those before them, bodies among them. Not to an instance that answers before it has all:
 * the connection would end with that answer.
 */
async function pipeline(talk: Talk, context: CleanContext): Promise<void> {
  const { random } = context;
  const wanted = Array.from({ length: 2 + random.below(4) }, () =>
    payload(random.below(3_000), random.below(SEEDS)),
  );
  const text = wanted.map((body) =>
    Buffer.concat([
      Buffer.from(requestHead('POST', calmHost(context), '/whole', `Content-Length: ${body.length}`)),
      body,
    ]),
  );
  await talk.send(Buffer.concat(text));
  for (const body of wanted) await expectBody(talk, body);
}

/** A slow client that is still in time. */
async function inPieces(talk: Talk, context: CleanContext): Promise<void> {
  const { random } = context;
  const [bytes, seed] = [random.below(2_000), random.below(SEEDS)];
  const head = requestHead('GET', anyHost(context), `/bytes/${bytes}/${seed}`, 'X-Filler: filler');
  for (let at = 0; at < head.length; at += 20) {
    await talk.send(head.slice(at, at + 20));
    await pause(10);
  }
  await expectBody(talk, payload(bytes, seed));
}

export type Session = (context: CleanContext) => Promise<void>;

/** What has a connection of its own, and takes a while. */
export const sessions: Readonly<Record<string, Session>> = {
  'slow reader': slowReader,
  websocket: webSocket,
  'half-closed tunnel': halfClosedByClient,
  'tunnel ended by the instance': halfClosedByInstance,
};

async function slowReader(context: CleanContext): Promise<void> {
  const [bytes, seed] = [2_000_000, context.random.below(SEEDS)];
  const wanted = payload(bytes, seed);
  const talk = new Talk(context.port);
  try {
    await talk.send(requestHead('GET', calmHost(context), `/bytes/${bytes}/${seed}`, 'Connection: close'));
    for (let line = await talk.reader.line(), isFirst = true; line !== ''; line = await talk.reader.line()) {
      if (isFirst && line?.split(' ')[1] !== '200') throw new Error(`${line}`);
      isFirst = false;
    }
    let at = 0;
    for (let part = await talk.reader.some(64 * 1024); part.length > 0; ) {
      verify('slowly read', part, wanted.subarray(at, at + part.length));
      at += part.length;
      await pause(20);
      part = await talk.reader.some(64 * 1024);
    }
    if (at !== bytes) throw new Error(`${at} of ${bytes} bytes`);
  } finally {
    talk.close();
  }
}

async function webSocket(context: CleanContext): Promise<void> {
  const { port, random } = context;
  const socket = new WebSocket(`ws://127.0.0.1:${port}/socket`, { headers: { Host: calmHost(context) } });
  const received: { data: Buffer; binary: boolean }[] = [];
  const inbox = { wake: () => {} };
  let ended: string | null = null;
  socket.on('message', (data: Buffer, binary) => {
    received.push({ data, binary });
    inbox.wake();
  });
  socket.on('error', (error) => {
    ended ??= error.message;
    inbox.wake();
  });
  socket.on('close', (code) => {
    ended ??= `closed ${code}`;
    inbox.wake();
  });
  const until = async (holds: () => boolean): Promise<void> => {
    const timer = setTimeout(() => socket.terminate(), 20_000);
    while (!holds()) {
      await new Promise<void>((resolve) => {
        inbox.wake = resolve;
      });
    }
    clearTimeout(timer);
  };
  socket.on('open', () => inbox.wake());
  await until(() => socket.readyState === WebSocket.OPEN || ended !== null);
  for (let message = 0; message < 5 && ended === null; message++) {
    const data = payload(random.below(random.chance(0.2) ? 100_000 : 500), random.below(SEEDS));
    socket.send(data, { binary: true });
    await until(() => received.length > 0 || ended !== null);
    const echo = received.shift();
    if (echo !== undefined) verify('echo', echo.data, data);
    await pause(random.below(100));
  }
  if (ended !== null) throw new Error(ended);
  // One side or the other ends it in order, or nobody does.
  const ending = random.below(3);
  if (ending === 0) socket.close(1000);
  else if (ending === 1) socket.send('leave');
  else socket.terminate();
  await until(() => ended !== null);
  const wanted = ['closed 1000', 'closed 4000', 'closed 1006'][ending];
  if (ended !== wanted) throw new Error(`${ended} instead of ${wanted}`);
}

async function upgraded(context: CleanContext, path: string): Promise<Talk> {
  const talk = new Talk(context.port);
  await talk.send(requestHead('GET', calmHost(context), path, 'Connection: Upgrade', 'Upgrade: echo'));
  const line = await talk.reader.line();
  if (line?.split(' ')[1] !== '101') {
    talk.close();
    throw new Error(`${line}`);
  }
  while ((await talk.reader.line()) !== '');
  return talk;
}

/** The client ends its side at once; what it had sent comes back, and the instance's last word after it. */
async function halfClosedByClient(context: CleanContext): Promise<void> {
  const body = payload(context.random.below(50_000), context.random.below(SEEDS));
  const talk = await upgraded(context, '/');
  try {
    talk.socket.end(body);
    verify('tunnel', await talk.rest(), Buffer.concat([body, Buffer.from('bye')]));
  } finally {
    talk.close();
  }
}

async function halfClosedByInstance(context: CleanContext): Promise<void> {
  const talk = await upgraded(context, '/first');
  try {
    verify('tunnel', await talk.rest(), Buffer.from('first'));
    await talk.send(payload(1_000, 1));
    talk.socket.end();
    await new Promise((resolve) => talk.socket.once('finish', resolve).once('close', resolve));
  } finally {
    talk.close();
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
