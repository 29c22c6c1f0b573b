import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { hashOf, openAppliedStore } from '../../../src/render/commit/applied.ts';
import { replaceFile } from '../../../src/render/commit/replace.ts';
import { stageFile, sweepStale } from '../../../src/render/commit/stage.ts';
import { desire, readPresent } from '../../../src/render/commit/target.ts';
import { writePieces } from '../../../src/render/commit/write.ts';
import { runCommand } from '../../../src/render/process/command.ts';
import { folder } from './loading.ts';
import { type SpecChange, shell, spec } from './specs.ts';

let dir: string;
let warnings: string[];

beforeEach(() => {
  dir = folder();
  warnings = [];
});

const read = (name: string): string => readFileSync(join(dir, name), 'utf8');
const path = (name: string): string => join(dir, name);
const listing = (): readonly string[] => readdirSync(dir).filter((name) => name !== 'data');

function write(files: Readonly<Record<string, string>>, change: SpecChange = {}) {
  const pieces = Object.entries(files).map(([name, text]) => {
    const template = spec(dir, name, change);
    return { spec: template, destination: path(name), text };
  });
  return writePieces(pieces, {
    applied: openAppliedStore(path('data'), (message) => warnings.push(message)),
    warn: (message) => warnings.push(message),
    runCheck: (check, variables) => runCommand(check, { PATH: process.env.PATH, ...variables }),
  });
}

async function written(files: Readonly<Record<string, string>>, change: SpecChange = {}) {
  const result = await write(files, change);
  if (result.kind !== 'written') throw new Error(JSON.stringify(result));
  return result;
}

/** What must not change when nothing is committed. */
function identity(name: string) {
  const { ino, mtimeMs, mode, uid, nlink } = statSync(path(name));
  return { bytes: read(name), ino, mtimeMs, mode, uid, nlink };
}

describe('writing a file', () => {
  test('a new one gets mode 0644, its folders, and leaves nothing beside it', async () => {
    await (await written({ 'sub/a': 'text' })).keep();
    expect(read('sub/a')).toBe('text');
    expect(statSync(path('sub/a')).mode & 0o777).toBe(0o644);
    expect(readdirSync(path('sub'))).toEqual(['a']);
  });

  test('the mode of the old file is kept, perms wins over it', async () => {
    writeFileSync(path('a'), 'old', { mode: 0o600 });
    await (await written({ a: 'new' })).keep();
    expect(statSync(path('a')).mode & 0o777).toBe(0o600);
    await (await written({ a: 'newer' }, { file: { mode: 0o640 } })).keep();
    expect(statSync(path('a')).mode & 0o777).toBe(0o640);
  });

  test('equal content, mode and owner are not written', async () => {
    writeFileSync(path('a'), 'same');
    const before = identity('a');
    expect((await write({ a: 'same' }, { check: shell('exit 1') })).kind).toBe('unchanged');
    expect(identity('a')).toEqual(before);
  });

  test('a mode that somebody changed is put right', async () => {
    writeFileSync(path('a'), 'same');
    chmodSync(path('a'), 0o666);
    await (await written({ a: 'same' }, { file: { mode: 0o644 } })).keep();
    expect(statSync(path('a')).mode & 0o777).toBe(0o644);
  });

  test('without create_dest_dirs a missing folder is a clear failure', async () => {
    const result = await write({ 'no/a': 'x' }, { file: { createFolders: false } });
    expect(result).toMatchObject({ kind: 'refused', result: 'write_failed' });
    expect(result).toMatchObject({ reason: expect.stringContaining('the folder is missing') });
  });

  test('an unknown user is a clear failure', async () => {
    const result = await write({ a: 'x' }, { file: { user: 'nobody-of-that-name' } });
    expect(result).toMatchObject({ reason: 'there is no user nobody-of-that-name' });
    expect(listing()).toEqual([]);
  });

  test('backup keeps the replaced file as .bak', async () => {
    writeFileSync(path('a'), 'one');
    await (await written({ a: 'two' }, { file: { backup: true } })).keep();
    await (await written({ a: 'three' }, { file: { backup: true } })).keep();
    expect(read('a.bak')).toBe('two');
    expect(listing().toSorted()).toEqual(['a', 'a.bak']);
  });

  test('what is not a regular file is left alone', async () => {
    mkdirSync(path('a'));
    expect(await write({ a: 'x' })).toMatchObject({ kind: 'refused', result: 'write_failed' });
    expect(statSync(path('a')).isDirectory()).toBe(true);
  });

  test('a link is replaced, what it points at is not touched', async () => {
    writeFileSync(path('other'), 'other');
    symlinkSync('other', path('a'));
    await (await written({ a: 'new' })).keep();
    expect([read('a'), read('other')]).toEqual(['new', 'other']);
  });
});

describe('the check', () => {
  test('sees the whole new file beside the destination', async () => {
    const check = shell(
      'test "$(dirname "$FAIRLEAD_FILE")" = "$(dirname "$FAIRLEAD_DESTINATION")" && grep -qx new "$FAIRLEAD_FILE"',
    );
    expect((await write({ a: 'new\n' }, { check })).kind).toBe('written');
  });

  test('pain 1: when it fails, bytes, mtime and inode of the old file stay, and nothing is left', async () => {
    writeFileSync(path('a'), 'old');
    const before = identity('a');
    const result = await write({ a: 'bad' }, { check: shell('echo line 3: no; exit 1') });
    expect(result).toEqual({
      kind: 'refused',
      result: 'check_failed',
      reason: 'exit status 1: line 3: no',
    });
    expect(identity('a')).toEqual(before);
    expect(listing()).toEqual(['a']);
  });

  test('that is missing or hangs counts as failed', async () => {
    expect(await write({ a: 'x' }, { check: shell('/no/such/checker') })).toMatchObject({
      result: 'check_failed',
    });
    const hangs = { ...shell('sleep 60'), timeoutMs: 100 };
    expect(await write({ a: 'x' }, { check: hangs })).toMatchObject({ reason: 'took longer than 100ms' });
    expect(listing()).toEqual([]);
  });
});

describe('taking back', () => {
  test('the old file itself returns: content, mtime, inode, mode', async () => {
    writeFileSync(path('a'), 'old', { mode: 0o600 });
    const before = identity('a');
    const result = await written({ a: 'new' }, { command: shell('x y') });
    expect(read('a')).toBe('new');
    expect(await result.undo()).toBe(true);
    expect(identity('a')).toEqual(before);
    expect(listing()).toEqual(['a']);
  });

  test('where nothing can be put back it says so, and goes on', async () => {
    mkdirSync(path('sub'));
    writeFileSync(path('sub/a'), 'old');
    const command = shell('x y');
    const taken = await written({ 'sub/a': 'new' }, { command });
    rmSync(path('sub'), { recursive: true });
    expect(await taken.undo()).toBe(true);
    expect(warnings).toEqual([expect.stringMatching(/sub\/a: the old file cannot be put back \(the folder/)]);
    await (await written({ 'sub/a': 'newer' }, { command })).keep();
    expect(read('sub/a')).toBe('newer');
  });

  test('a first file stays, so that a server that does not run yet can start with it', async () => {
    const result = await written({ a: 'new' }, { command: shell('x y') });
    expect(await result.undo()).toBe(false);
    expect(read('a')).toBe('new');
  });
});

describe('a group', () => {
  test('one bad file keeps all of them', async () => {
    writeFileSync(path('a'), 'old a');
    const before = identity('a');
    const check = shell('! grep -l bad $FAIRLEAD_FILES');
    expect(await write({ a: 'good', b: 'bad' }, { check })).toMatchObject({ result: 'check_failed' });
    expect(identity('a')).toEqual(before);
    expect(listing()).toEqual(['a']);
  });

  test('is checked once, has one command, and is taken back as a whole', async () => {
    writeFileSync(path('a'), 'old a');
    const check = shell(`echo checked >> ${path('data-checks')}`);
    const result = await written({ a: 'new a', b: 'new b' }, { check, command: shell('x y') });
    expect(result.commands).toHaveLength(1);
    expect(read('data-checks')).toBe('checked\n');
    expect([read('a'), read('b')]).toEqual(['new a', 'new b']);
    await result.undo();
    expect(read('a')).toBe('old a');
    expect(existsSync(path('b'))).toBe(false);
  });

  test('one file that cannot be replaced brings the others back', async () => {
    writeFileSync(path('a'), 'old a');
    mkdirSync(path('b'));
    expect(await write({ a: 'new a', b: 'new b' })).toMatchObject({ result: 'write_failed' });
    expect(read('a')).toBe('old a');
  });
});

describe('what was applied', () => {
  const command = shell('reload it');

  test('trap 2, pain 3: a command that never succeeded is due again although the file is right', async () => {
    await written({ a: 'new' }, { command });
    const again = await written({ a: 'new' }, { command });
    expect(again).toMatchObject({ isChanged: false, commands: [command] });
    await again.keep();
    expect((await write({ a: 'new' }, { command })).kind).toBe('unchanged');
  });

  test('a command that succeeded is not due again', async () => {
    await (await written({ a: 'new' }, { command })).keep();
    expect((await write({ a: 'new' }, { command })).kind).toBe('unchanged');
    expect(JSON.parse(read(`data/render/${readdirSync(path('data/render'))[0]}`))).toEqual({
      destination: path('a'),
      hash: hashOf(Buffer.from('new')),
    });
  });

  test('a file that we never wrote is taken as applied', async () => {
    writeFileSync(path('a'), 'from elsewhere');
    expect((await write({ a: 'from elsewhere' }, { command })).kind).toBe('unchanged');
  });

  test('a damaged record means that the command is due', async () => {
    await (await written({ a: 'new' }, { command })).keep();
    const [record] = readdirSync(path('data/render'));
    writeFileSync(path(`data/render/${record}`), '{ damaged');
    expect(await write({ a: 'new' }, { command })).toMatchObject({ kind: 'written', isChanged: false });
  });

  test('without a folder to write to it works from memory, and says so once', () => {
    writeFileSync(path('file'), '');
    const store = openAppliedStore(path('file/data'), (message) => warnings.push(message));
    store.begin('/a');
    store.finish('/a', hashOf(Buffer.from('x')));
    expect(store.find('/a')).toEqual({ hash: hashOf(Buffer.from('x')) });
    expect(warnings).toHaveLength(1);
  });
});

test('a file that is a mount of its own is overwritten in place, and can be taken back', async () => {
  writeFileSync(path('a'), 'the old text');
  linkSync(path('a'), path('outside'));
  const present = await readPresent(path('a'));
  const staged = await stageFile(
    path('a'),
    desire(Buffer.from('new'), spec(dir, 'a').file, present),
    true,
    () => {},
  );
  const busy = async () => {
    throw Object.assign(new Error('busy'), { code: 'EBUSY' });
  };
  const warn = (message: string): void => void warnings.push(message);
  const replaced = await replaceFile(staged, path('a'), present, { backup: false, warn, move: busy });
  expect(read('outside')).toBe('new');
  expect(warnings).toEqual([expect.stringContaining('overwritten in place')]);
  await replaced.restore();
  expect(read('outside')).toBe('the old text');
  expect(listing().toSorted()).toEqual(['a', 'outside']);
});

describe('what a killed process left', () => {
  test('is swept away, other files and those of living processes are not', () => {
    const dead = 2 ** 22 + 1;
    const stale = [
      `.a.${dead}-0123456789ab.tmp`,
      `.a.${dead}-0123456789ab.old`,
      `.a.${process.pid}-0123456789ab.tmp`,
    ];
    const others = [`.a.${process.ppid}-0123456789ab.tmp`, '.a.swp', `.b.${dead}-0123456789ab.tmp`, 'a'];
    for (const name of [...stale, ...others]) writeFileSync(path(name), '');
    expect(sweepStale(path('a')).toSorted()).toEqual(stale.toSorted());
    expect(listing().toSorted()).toEqual(others.toSorted());
  });
});

test('rename keeps what other names of the old file see', async () => {
  writeFileSync(path('a'), 'old');
  linkSync(path('a'), path('other'));
  await (await written({ a: 'new' })).keep();
  expect([read('a'), read('other')]).toEqual(['new', 'old']);
});
