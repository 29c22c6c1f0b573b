/** The README's map and links are true. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from './support/process.ts';

const readme = readFileSync(join(root, 'README.md'), 'utf8');
const scripts = Object.keys(
  (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }).scripts,
);

/** Everything in backquotes or a link that looks like a path of this project. */
const paths = [
  ...new Set(
    [...readme.matchAll(/[(`]((?:router|src|test|bench|docs|tls)\/[\w./-]*)[)`]/g)].map((match) => match[1]!),
  ),
];

describe('the README', () => {
  test('names many places', () => {
    expect(paths.length).toBeGreaterThan(20);
  });

  test.each(paths)('%s exists', (path) => {
    expect(existsSync(join(root, path))).toBe(true);
  });

  test('names only npm scripts that exist', () => {
    const named = [...readme.matchAll(/(?:`|&& |^)npm (?:run )?([a-z:]+)/gm)].map((match) => match[1]!);
    const builtIn = ['ci', 'start', 'test'];
    expect(named.filter((name) => !scripts.includes(name) && !builtIn.includes(name))).toEqual([]);
    expect(named).toContain('start');
  });
});
