/**
 * Slow clients in a process of their own, so that whoever measures is not slowed down by them:
 *
 *   node test/soak/crowd.ts PORT HOST HEADS BODIES
 *
 * Half-sent heads and half-sent bodies that go on byte by byte. Whoever is cut comes back. Writes `ready` when all are
 * connected, and ends with SIGTERM or by itself.
 */
import { connect, type Socket } from 'node:net';
import { requestHead } from './talk.ts';

/** Each connection sends a byte this often. */
const BYTE_EVERY_MS = 2_000;
const TICK_MS = 20;
/** Spread, so that they are not cut all at once either. */
const CONNECTS_PER_TICK = 10;

const LIFE_MS = 10 * 60_000;

const [port = 0, heads = 0, bodies = 0] = [process.argv[2], process.argv[4], process.argv[5]].map(Number);
const host = process.argv[3]!;

interface Slow {
  readonly opening: string;
  readonly drop: string;
  socket: Socket | null;
  isConnected: boolean;
}

const head = { opening: `GET / HTTP/1.1\r\nHost: ${host}\r\nX-Slow: `, drop: 'x' };
const body = { opening: requestHead('POST', host, '/', 'Content-Length: 100000'), drop: 'x' };
const crowd = Array.from({ length: heads + bodies }, (_, i): Slow => {
  return { ...(i < heads ? head : body), socket: null, isConnected: false };
});

function enter(slow: Slow): void {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  slow.socket = socket;
  socket.on('error', () => {});
  socket.on('connect', () => {
    slow.isConnected = true;
    socket.write(slow.opening);
  });
  socket.on('close', () => {
    slow.socket = null;
    slow.isConnected = false;
  });
  socket.resume();
}

let turn = 0;
let isReady = false;
setInterval(() => {
  const many = Math.ceil((crowd.length * TICK_MS) / BYTE_EVERY_MS);
  for (let i = 0; i < many; i++) {
    const slow = crowd[turn++ % crowd.length]!;
    if (slow.isConnected) slow.socket!.write(slow.drop);
  }
  for (const slow of crowd.filter(({ socket }) => socket === null).slice(0, CONNECTS_PER_TICK)) enter(slow);
  if (isReady || !crowd.every(({ isConnected }) => isConnected)) return;
  isReady = true;
  process.stdout.write('ready\n');
}, TICK_MS);
setTimeout(() => process.exit(1), LIFE_MS);
