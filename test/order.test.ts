import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FIRST, rank } from './order.ts';
import { root } from './support/process.ts';

test('the soak begins, then come those that wait, other whole programs, and the rest', () => {
  const paths = ['router/table', 'src/commands/check', 'e2e/admin', 'e2e/outage', 'e2e/soak'];
  const ranks = paths.map((path) => rank(join(root, `test/${path}.test.ts`)));
  expect(ranks).toEqual([...ranks].sort((a, b) => b - a));
  expect(new Set(ranks).size).toBe(paths.length);
});

test.each(FIRST)('%s is there', (path) => {
  expect(existsSync(join(root, path))).toBe(true);
});
