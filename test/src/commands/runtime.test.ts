import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { delimiter, join } from 'node:path';
import { expect, test } from 'vitest';
import { oldestRuntime, refuseRuntime } from '../../../src/runtime.ts';
import { emptyFolder, execute } from './cli.ts';

test.each([
  ['24.18.0', true],
  ['v24.18.0', true],
  ['24.21.3', true],
  ['25.0.0', true],
  ['100.1.0', true],
  ['24.17.9', false],
  ['23.99.0', false],
  ['20.20.2', false],
  ['v0.12.0', false],
  ['', false],
])('%j runs: %s', (version, runs) => {
  expect(refuseRuntime(version) === null).toBe(runs);
});

test('the refusal is one line that names both versions', () => {
  expect(refuseRuntime('20.20.2')).toBe('fairlead needs Node.js 24.18 or later, this is 20.20.2');
});

test('the manifest promises the same floor', () => {
  const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  expect(`${manifest.engines.node}.0`).toBe(`>=${oldestRuntime}`);
});

/** A Node too old for us, where the machine has one. */
function findOldNode(): string | null {
  const folders = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !folder.includes('node_modules'));
  for (const folder of folders) {
    try {
      const node = join(folder, 'node');
      if (refuseRuntime(execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()) !== null) return node;
    } catch {
      // No Node there.
    }
  }
  return null;
}

const oldNode = findOldNode();

/** The entry as it is published: types gone, names rewritten, and nothing else beside it. */
function publishedEntry(): string {
  const folder = emptyFolder();
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  for (const name of ['main', 'runtime']) {
    const source = readFileSync(new URL(`../../../src/${name}.ts`, import.meta.url), 'utf8');
    const script = stripTypeScriptTypes(source).replaceAll(/(from |import\()'(\.[^']*)\.ts'/g, "$1'$2.js'");
    writeFileSync(join(folder, `${name}.js`), script);
  }
  return join(folder, 'main.js');
}

test.skipIf(oldNode === null)('an old runtime says so in one line and exits with 78', async () => {
  const outcome = await execute(oldNode ?? '', [publishedEntry(), 'run'], '/', {});
  expect(outcome).toEqual({
    code: 78,
    stdout: '',
    stderr: expect.stringMatching(/^fairlead needs Node\.js 24\.18 or later, this is [\d.]+\n$/),
  });
});

test('a current one goes on to load the rest', async () => {
  const { code, stderr } = await execute(process.execPath, [publishedEntry(), 'run'], '/', {});
  expect(code).toBe(1);
  expect(stderr).toContain('commands/program.js');
});
