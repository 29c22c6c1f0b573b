/** One backend behind one data plane, made anew for each test and checked after it: nothing may be left over. */
import { afterEach, expect } from 'vitest';
import { type Backend, type Handler, startBackend } from '../../support/backend.ts';
import { type Plane, type PlaneOptions, startPlane } from '../../support/engine.ts';

export let backend: Backend;
export let plane: Plane;

export async function begin(handler?: Handler, options: PlaneOptions = {}): Promise<void> {
  backend = await startBackend({ name: 'b1', ...(handler && { handler }) });
  plane = await startPlane({ pools: { main: [backend.port] }, ...options });
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
