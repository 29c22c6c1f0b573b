/** How many connections are let in, without any. */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Admission, connectionsPerWorker, descriptorLimit } from '../../../src/data/admission.ts';

test.each([
  [1000, 4, 1024, 250],
  [10, 4, 1024, 2],
  [2, 4, 1024, 1],
  [0, 1, 1024, 460],
  [0, 4, 1024, 115],
  [0, 2, 1, 1],
  [0, 2, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
])('%d over %d workers with %d descriptors: %d each', (wanted, workers, descriptors, each) => {
  expect(connectionsPerWorker(wanted, workers, descriptors)).toBe(each);
});

test.each([
  ['Max processes  1  1 processes\nMax open files            512                  4096  files\n', 512],
  ['Max open files            unlimited            unlimited  files\n', Number.POSITIVE_INFINITY],
  ['', Number.POSITIVE_INFINITY],
])('case %# of the system’s limits', (text, expected) => {
  const path = join(tmpdir(), `fairlead-limits-${process.pid}`);
  writeFileSync(path, text);
  expect(descriptorLimit(path)).toBe(expected);
  expect(descriptorLimit('/nowhere')).toBe(Number.POSITIVE_INFINITY);
});

test('addresses are kept only while they have connections', () => {
  const admission = new Admission(100, 2);
  const peers = Array.from({ length: 50 }, (_, i) => ({ address: `10.0.0.${i}`, isTrusted: false }));
  for (const peer of [...peers, ...peers]) {
    expect(admission.refusalOf(peer)).toBeNull();
    admission.entered(peer);
  }
  expect(admission.refusalOf(peers[0]!)).toBe('rate_limited');
  expect(admission.clients).toBe(50);
  for (const peer of [...peers, ...peers]) admission.left(peer);
  expect(admission.clients).toBe(0);
});
