/** HTTP/2 as bytes: frames that no well-behaved client would send, and what comes back for them. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export const Type = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
} as const;
export const Flag = { endStream: 1, ack: 1, endHeaders: 4 } as const;
export const Code = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refused: 7,
  cancel: 8,
  compression: 9,
  calm: 11,
} as const;

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function frame(type: number, flags: number, stream: number, payload: Buffer | number[] = []): Buffer {
  const body = Buffer.from(payload);
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
}

/** HPACK without its tables: every field as a literal that is not remembered (RFC 7541, 6.2.2). */
export function fields(...pairs: readonly (readonly [string, string])[]): Buffer {
  const text = (value: string): Buffer => {
    const bytes = Buffer.from(value, 'latin1');
    return Buffer.concat([integer(bytes.length, 7), bytes]);
  };
  return Buffer.concat(pairs.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

/** RFC 7541, 5.1, with no bits in front. */
function integer(value: number, bits: number): Buffer {
  const most = 2 ** bits - 1;
  if (value < most) return Buffer.from([value]);
  const out = [most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) + 128);
  return Buffer.from([...out, rest]);
}

export const GET = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/'],
  [':authority', 'a.test'],
] as const;

/** A HEADERS frame that is whole. */
export function headers(
  stream: number,
  pairs: readonly (readonly [string, string])[] = GET,
  endStream = true,
): Buffer {
  return frame(Type.headers, Flag.endHeaders | (endStream ? Flag.endStream : 0), stream, fields(...pairs));
}

export interface FrameClient {
  readonly socket: Socket;
  /** All that came so far. */
  readonly heard: readonly Frame[];
  /** The connection has ended. */
  readonly isClosed: boolean;
  send(...frames: readonly Buffer[]): void;
  /** Resolves with the first frame that matches; null when the connection ends without. */
  next(matches: (frame: Frame) => boolean): Promise<Frame | null>;
  close(): void;
}

/** Has sent the preface and empty settings. */
export async function frameClient(port: number, settings: Buffer | number[] = []): Promise<FrameClient> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const heard: Frame[] = [];
  let pending = Buffer.alloc(0);
  let wake = (): void => {};
  socket.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 9) {
      const length = pending.readUIntBE(0, 3);
      if (pending.length < 9 + length) break;
      const payload = pending.subarray(9, 9 + length);
      heard.push({ type: pending[3]!, flags: pending[4]!, stream: pending.readUInt32BE(5), payload });
      pending = pending.subarray(9 + length);
    }
    wake();
  });
  socket.on('error', () => {});
  socket.on('close', () => wake());
  socket.on('end', () => socket.end());
  await once(socket, 'connect');
  const client: FrameClient = {
    socket,
    heard,
    get isClosed() {
      return socket.closed;
    },
    send: (...frames) => {
      if (socket.writable) socket.write(Buffer.concat(frames));
    },
    async next(matches) {
      for (;;) {
        const found = heard.find(matches);
        if (found !== undefined) return found;
        if (socket.closed) return null;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    close: () => socket.destroy(),
  };
  client.send(PREFACE, frame(Type.settings, 0, 0, settings));
  await client.next(({ type, flags }) => type === Type.settings && flags === 0);
  client.send(frame(Type.settings, Flag.ack, 0));
  return client;
}

/** Why the connection or a stream was ended: `goaway 11`, `reset 1`; `status 400` for an answer (`:status` is in HPACK's table). */
export async function verdict(client: FrameClient, stream = 1): Promise<string> {
  const found = await client.next(
    (one) =>
      (one.type === Type.goaway && one.payload.readUInt32BE(4) !== 0) ||
      ((one.type === Type.reset || one.type === Type.headers) && one.stream === stream),
  );
  if (found === null) return client.heard.some(({ type }) => type === Type.goaway) ? 'goaway 0' : 'closed';
  if (found.type === Type.goaway) return `goaway ${found.payload.readUInt32BE(4)}`;
  if (found.type === Type.reset) return `reset ${found.payload.readUInt32BE(0)}`;
  return `status ${statusOf(found.payload)}`;
}

/** The first field of our own answers: an index of the static table (RFC 7541, appendix A), or a literal. */
function statusOf(block: Buffer): string {
  const known: Record<number, string> = { 8: '200', 9: '204', 11: '304', 12: '400', 13: '404', 14: '500' };
  let at = 0;
  // Dynamic table size updates come first.
  while ((block[at]! & 0xe0) === 0x20) at++;
  if (block[at]! >= 0x80) return known[block[at]! & 0x7f] ?? '?';
  const length = block[at + 1]! & 0x7f;
  const isHuffman = (block[at + 1]! & 0x80) !== 0;
  const value = block.subarray(at + 2, at + 2 + length);
  return isHuffman ? huffmanDigits(value) : value.toString('latin1');
}

/** Digits have 5 or 6 bits (RFC 7541, appendix B). */
function huffmanDigits(bytes: Buffer): string {
  let bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  let text = '';
  while (bits.length >= 5) {
    const short = Number.parseInt(bits.slice(0, 5), 2);
    const long = Number.parseInt(bits.slice(0, 6), 2);
    if (short <= 2) text += short;
    else if (bits.length >= 6 && long >= 0x19 && long <= 0x1f) text += long - 0x19 + 3;
    else break;
    bits = bits.slice(short <= 2 ? 5 : 6);
  }
  return text;
}
