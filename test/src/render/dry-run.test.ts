import { describe, expect, test } from 'vitest';
import { preview, unifiedDiff } from '../../../src/render/dry-run.ts';

const ten = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10'].map((line) => `${line}\n`);

describe('a unified diff', () => {
  test('shows three lines around a change', () => {
    expect(unifiedDiff('f', ten.join(''), ten.with(4, 'five\n').join(''))).toBe(
      '--- f\n+++ f (new)\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n',
    );
  });

  test('of distant changes has several parts', () => {
    const after = ['0\n', ...ten.slice(0, 9), 'ten\n'].join('');
    expect(unifiedDiff('f', ten.join(''), after)).toBe(
      '--- f\n+++ f (new)\n@@ -1,3 +1,4 @@\n+0\n 1\n 2\n 3\n@@ -7,4 +8,4 @@\n 7\n 8\n 9\n-10\n+ten\n',
    );
  });

  test.each([
    ['', 'a\n', '--- f\n+++ f (new)\n@@ -0,0 +1,1 @@\n+a\n'],
    ['a\n', '', '--- f\n+++ f (new)\n@@ -1,1 +0,0 @@\n-a\n'],
    ['a\n', 'a', '--- f\n+++ f (new)\n@@ -1,1 +1,1 @@\n-a\n+a\n\\ No newline at end of file\n'],
    ['a\n', 'a\n', 'f: no change\n'],
  ])('%j to %j', (before, after, expected) => {
    expect(unifiedDiff('f', before, after)).toBe(expected);
  });
});

test('away from a terminal the text is printed as consul-template prints it', () => {
  expect(preview('/no/such/file', 'x\n', false)).toBe('> /no/such/file\nx\n');
  expect(preview('/no/such/file', 'x\n', true)).toContain('+x\n');
});
