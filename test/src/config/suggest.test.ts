import { expect, test } from 'vitest';
import { editDistance, suggest } from '../../../src/config/suggest.ts';

test.each([
  ['', '', 0],
  ['abc', '', 3],
  ['', 'abc', 3],
  ['kitten', 'sitting', 3],
  ['tpc', 'tcp', 1],
  ['adress', 'address', 1],
])('from %j to %j it takes %d edits', (one, other, distance) => {
  expect(editDistance(one, other)).toBe(distance);
});

test.each([
  ['adress', ['address', 'token'], 'address'],
  ['TokenFile', ['token', 'tokenFile'], 'tokenFile'],
  ['lisetners', ['listeners', 'limits'], 'listeners'],
  ['token_file', ['token', 'tokenFile'], 'tokenFile'],
  ['zzz', ['address', 'token'], null],
  ['x'.repeat(1_000_000), ['x'], null],
])('case %#', (word, known, expected) => {
  expect(suggest(word, known)).toBe(expected);
});
