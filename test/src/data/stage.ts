/** One backend behind one data plane, made anew for each test and checked after it: nothing may be left over. */
import { connect } from 'node:net';
import { afterEach, expect } from 'vitest';
import { type Backend, type Handler, startBackend } from '../../support/backend.ts';
import { type Plane, type PlaneOptions, startPlane } from '../../support/engine.ts';
import { eventually } from '../../support/process.ts';

export let backend: Backend;
export let plane: Plane;

export async function begin(handler?: Handler, options: PlaneOptions = {}): Promise<void> {
  backend = await startBackend({ name: 'b1', ...(handler && { handler }) });
  plane = await startPlane({ pools: { main: [backend.port] }, ...options });
}

/** Sends `first`, and `second` once what came back matches; returns all that comes until the end, and how that was. */
export async function converse(first: string, answer: RegExp, second: string) {
  const socket = connect(plane.port, '127.0.0.1');
  const heard = { text: '', ending: '' };
  socket.on('data', (bytes) => {
    heard.text += bytes.toString('latin1');
  });
  socket.on('end', () => {
    heard.ending ||= 'end';
  });
  socket.on('error', () => {
    heard.ending ||= 'reset';
  });
  socket.write(first);
  await eventually(() => expect(heard.text).toMatch(answer));
  socket.write(second);
  await eventually(() => heard.ending !== '');
  socket.destroy();
  return heard;
}

afterEach(async () => {
  try {
    await plane.quiet();
    expect(backend.violations).toEqual([]);
  } finally {
    await plane.close();
    await backend.kill();
  }
});
