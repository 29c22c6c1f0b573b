import { execFileSync } from 'node:child_process';
import fs, { mkdtempSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AccessLogWriter } from '../../../src/control/access-log-writer.ts';
import { eventually } from '../../support/process.ts';

const endings: (() => void)[] = [];
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-log-'));
});

afterEach(() => {
  for (const end of endings.splice(0).reverse()) end();
  rmSync(folder, { recursive: true, force: true });
});

function open(path: string, flags: number | string): number {
  const fd = fs.openSync(path, flags);
  endings.push(() => fs.closeSync(fd));
  return fd;
}

/** Both ends of a pipe that nobody reads before `listen`. */
function pipe(): { listen(): string[]; write: number } {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  const write = open(path, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK);
  return {
    write,
    listen() {
      const heard: string[] = [];
      const reader = new Socket({ fd, readable: true, writable: false });
      reader.setEncoding('latin1').on('data', (text: string) => void heard.push(text));
      endings.push(() => reader.destroy());
      return heard;
    },
  };
}

const lines = (count: number, text: string): Buffer => Buffer.from(`${text}\n`.repeat(count));

test('lines arrive in order, and flush waits for the last', async () => {
  const path = join(folder, 'log');
  const writer = new AccessLogWriter(open(path, 'w'));
  for (let i = 0; i < 500; i++) writer.write(Buffer.from(`line ${i}\n`));
  await writer.flush(5_000);
  const expected = Array.from({ length: 500 }, (_, i) => `line ${i}\n`).join('');
  expect(fs.readFileSync(path, 'utf8')).toBe(expected);
  expect(writer.dropped).toBe(0);
  await writer.flush(5_000);
});

test('a reader that stands still costs lines, which are counted, and no memory', async () => {
  const { listen, write } = pipe();
  const writer = new AccessLogWriter(write);
  const block = lines(1_000, 'x'.repeat(1_023));
  const sent = 64;
  for (let i = 0; i < sent; i++) writer.write(block);
  // Eight of them wait, one of which may be under way; the others are gone.
  expect(writer.dropped).toBe((sent - 8) * 1_000);
  const startedAt = performance.now();
  await writer.flush(50);
  expect(performance.now() - startedAt).toBeLessThan(1_000);

  // It reads again: what waited arrives whole, and new lines are taken.
  const heard = listen();
  const length = (): number => heard.reduce((sum, text) => sum + text.length, 0);
  await eventually(() => length() === 8 * block.length, 'everything that waited');
  expect(heard.join('') === block.toString('latin1').repeat(8)).toBe(true);
  writer.write(lines(1, 'after'));
  await eventually(() => heard.at(-1)!.endsWith('after\n'));
  expect(writer.dropped).toBe((sent - 8) * 1_000);
});

test('a reader that is gone costs lines only', async () => {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const reader = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  const writer = new AccessLogWriter(open(path, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK));
  fs.closeSync(reader);
  writer.write(lines(3, 'lost'));
  writer.write(lines(2, 'lost too'));
  await writer.flush(5_000);
  expect(writer.dropped).toBe(5);
});

test('a full disk costs lines only', async () => {
  const writer = new AccessLogWriter(open('/dev/full', 'w'));
  for (let i = 0; i < 20; i++) writer.write(lines(10, 'nowhere to go'));
  await writer.flush(5_000);
  expect(writer.dropped).toBe(200);
});
