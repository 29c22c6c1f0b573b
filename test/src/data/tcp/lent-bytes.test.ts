/** All connections read into one buffer: bytes that the other side has not taken yet must not be written over. */
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { marked, writeInTurns } from '../../../support/marked.ts';
import { eventually } from '../../../support/process.ts';
import { accepted, begin, echo, instance, talk } from './stage.ts';

/** Larger than all that the kernel keeps for both connections. */
const BYTES = 16_000_000;

async function chatter(): Promise<void> {
  for (const [index, mark] of [...'uvwxyz'].entries()) {
    const other = talk();
    const text = marked(mark, 60_000);
    await writeInTurns((piece) => other.socket.write(piece, 'latin1'), text, 50 + index * 2_000);
    await eventually(() => other.text.length === text.length);
    expect(other.text === text).toBe(true);
    other.socket.end();
    await other.ended();
  }
}

test.each([700, 4_096, 4_097, 20_000, 65_536, 300_000])(
  'in pieces of %i bytes from an instance to a client that does not listen for a while',
  { timeout: 60_000 },
  async (piece) => {
    let speaker: Socket | null = null;
    const text = marked('s', BYTES);
    await begin([
      await instance((socket) => {
        socket.once('data', (first) => {
          if (first.toString() !== 'speak') {
            socket.write(first);
            return void socket.pipe(socket);
          }
          speaker = socket;
          void writeInTurns((part) => socket.write(part, 'latin1'), text, piece).then(() => socket.end());
        });
      }),
    ]);
    const slow = talk('speak');
    await eventually(() => speaker !== null);
    slow.socket.pause();
    await eventually(() => [...accepted].some(({ writableNeedDrain }) => writableNeedDrain), {
      timeoutMs: 30_000,
    });
    await chatter();
    slow.socket.resume();
    await eventually(() => slow.text.length === BYTES, { timeoutMs: 30_000 });
    expect(slow.text === text).toBe(true);
    slow.socket.end();
    await slow.ended();
  },
);

test.each([700, 4_097, 65_536])(
  'in pieces of %i bytes from a client to an instance that does not listen for a while',
  { timeout: 60_000 },
  async (piece) => {
    let listener: Socket | null = null;
    const heard: Buffer[] = [];
    await begin([
      await instance((socket) => {
        if (listener !== null) return echo(socket);
        listener = socket;
        socket.pause();
      }),
    ]);
    const text = marked('c', BYTES);
    const client = talk();
    await eventually(() => listener !== null);
    const sending = writeInTurns((part) => client.socket.write(part, 'latin1'), text, piece);
    const isStuck = (): boolean => [...accepted].some((socket) => socket.isPaused());
    await eventually(isStuck, { timeoutMs: 30_000 });
    await chatter();
    listener!.on('data', (bytes: Buffer) => heard.push(bytes));
    listener!.on('end', () => listener!.end());
    listener!.resume();
    await sending;
    client.socket.end();
    await client.ended();
    expect(Buffer.concat(heard).toString('latin1') === text).toBe(true);
  },
);

test('small messages of many are not mixed up', async () => {
  await begin([await instance(echo)]);
  const talks = [...'abcdefghijklmnop'].map((mark) => ({ mark, client: talk() }));
  await Promise.all(
    talks.map(({ mark, client }, index) =>
      writeInTurns((piece) => client.socket.write(piece, 'latin1'), marked(mark, 8_000), 8 * (index + 1)),
    ),
  );
  for (const { mark, client } of talks) {
    await eventually(() => client.text.length === 8_000);
    expect(client.text === marked(mark, 8_000)).toBe(true);
    client.socket.end();
    await client.ended();
  }
});
