/** What an operator meets is explained in docs/operations.md. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ENDINGS } from '../src/shared/endings.ts';
import { REPLIES } from '../src/shared/reasons.ts';
import { root } from './support/process.ts';

const rows = readFileSync(join(root, 'docs/operations.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('|'));

test.each([
  ...Object.entries(REPLIES).map(([reason, { status }]) => [reason, status] as const),
  ...Object.entries(ENDINGS),
])('%s is in a table, with the status %i', (reason, status) => {
  const found = rows.filter((row) => row.includes(`\`${reason}\``));
  expect(found.some((row) => row.includes(`${status}`))).toBe(true);
});
