import { mkdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeFolder } from '../../../src/control/make-folder.ts';
import { folder } from '../render/loading.ts';

test('folders are made with those above them; one that is there stays as it is', () => {
  const dir = folder();
  mkdirSync(join(dir, 'there'), { mode: 0o700 });
  symlinkSync('there', join(dir, 'link'));
  makeFolder(join(dir, 'link/a/b'), 0o755);
  makeFolder(join(dir, 'link/a/b'), 0o700);
  expect(statSync(join(dir, 'there')).mode & 0o777).toBe(0o700);
  expect(statSync(join(dir, 'there/a/b')).mode & 0o777).toBe(0o755);
});

test.skipIf(process.platform !== 'linux')(
  'where none can be made it fails, and does not go round for ever',
  () => {
    expect(() => makeFolder('/proc/none/of/these', 0o755)).toThrow(/ENOENT/);
  },
);
