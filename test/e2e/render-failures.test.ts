/** `fairlead render` as people start it, while what it depends on fails, and when it dies itself. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type EmbeddedRegistry, startRegistry } from '../../src/embedded/registry.ts';
import { type Child, eventually, root, start, startFairlead, tail } from '../support/process.ts';
import { note } from './site.ts';

const slow = { timeoutMs: 20_000 };

let registry: EmbeddedRegistry;
let dir: string;

beforeEach(async () => {
  registry = await startRegistry();
  dir = mkdtempSync(join(tmpdir(), 'fairlead-render-'));
});

afterEach(async () => {
  await registry.close();
  rmSync(dir, { recursive: true, force: true });
});

const path = (name: string): string => join(dir, name);
const read = (name: string): string | null =>
  existsSync(path(name)) ? readFileSync(path(name), 'utf8') : null;
const identity = (name: string): object => {
  const { ino, mtimeMs } = statSync(path(name));
  return { ino, mtimeMs };
};
const leftovers = (folder = dir): readonly string[] =>
  readdirSync(folder).filter((name) => /\.(tmp|old)$/.test(name));

function flags(...args: string[]): string[] {
  return ['-consul-addr', new URL(registry.url).host, '-data', 'state', ...args];
}

function render(args: readonly string[], env: Record<string, string> = {}): Promise<Child> {
  return startFairlead(['render', ...flags(...args)], { cwd: dir, env });
}

describe('what a file depends on fails', () => {
  test('a reload fails: the old file itself is back, the next good state is applied', async () => {
    writeFileSync(path('t'), '{{ key "k" }}');
    registry.putKey('k', 'good');
    const child = await render([
      '-template',
      't:out:echo run >> runs; ! grep -q bad out',
      '-reload-interval',
      '0s',
    ]);
    await eventually(() => read('out') === 'good' && read('runs') === 'run\n', slow);
    const before = identity('out');
    registry.putKey('k', 'bad');
    await child.line(/the old files are back/);
    await eventually(() => read('out') === 'good');
    expect(identity('out')).toEqual(before);
    registry.putKey('k', 'better');
    await eventually(() => read('out') === 'better');
    await child.line(/rendered again/);
    expect(await child.stop()).toEqual({ code: 0, signal: null });
    expect(leftovers()).toEqual([]);
  });

  test('a full disk: the old file stays, and what fits is written', async () => {
    const disk = smallDisk();
    try {
      writeFileSync(path('t'), '{{ key "k" }}');
      registry.putKey('k', 'good');
      const child = await disk.start(flags('-template', `t:${disk.folder}/out`));
      const out = join(disk.folder, 'out');
      await eventually(() => existsSync(out) && readFileSync(out, 'utf8') === 'good', slow);
      const { ino, mtimeMs } = statSync(out);
      registry.putKey('k', 'x'.repeat(300_000));
      await child.line(/write_failed/);
      expect(readFileSync(out, 'utf8')).toBe('good');
      expect(statSync(out)).toMatchObject({ ino, mtimeMs });
      expect(leftovers(disk.folder)).toEqual([]);
      registry.putKey('k', 'small');
      await eventually(() => readFileSync(out, 'utf8') === 'small');
      expect((await child.stop()).code).toBe(0);
    } finally {
      disk.release();
    }
  });

  test('a folder is missing and may not be made: told, and written when it is there; nothing is watched, and it lives on', async () => {
    writeFileSync(
      path('c.hcl'),
      'template {\n contents = "x"\n destination = "sub/out"\n create_dest_dirs = false\n}',
    );
    const child = await render(['-config', 'c.hcl']);
    await child.line(/the folder is missing/, 20_000);
    mkdirSync(path('sub'));
    await eventually(() => read('sub/out') === 'x', slow);
    expect(await child.stop(), tail(child)).toEqual({ code: 0, signal: null });
  });
});

describe('it is killed while it writes', () => {
  test.each([
    ['half of the new file is written', 'write', '.out.', 'old'],
    ['the new file is not on the disk yet', 'sync', '.out.', 'old'],
    ['the new file is staged and not in its place', 'rename', 'out', 'old'],
    ['it is in its place, and nobody was told', 'folder sync', 'fairlead-render-', 'new'],
  ])('%s: the file is whole, and a restart goes on', async (_, at, whom, left) => {
    writeFileSync(path('t'), '{{ key "k" }}');
    writeFileSync(path('out'), 'old');
    registry.putKey('k', 'new');
    const args = ['-template', 't:out:echo run >> runs', '-reload-interval', '0s'];
    const killed = await render(args, {
      DIE_AT: at,
      DIE_FOR: whom,
      NODE_OPTIONS: `--import=${root}test/support/die-at.mjs`,
    });
    expect(await killed.exited, tail(killed)).toEqual({ code: null, signal: 'SIGKILL' });
    expect([read('out'), read('runs')]).toEqual([left, null]);
    const next = await render(args);
    await eventually(() => read('runs') === 'run\n', slow);
    expect(read('out')).toBe('new');
    registry.putKey('k', 'newer');
    await eventually(() => read('out') === 'newer');
    expect((await next.stop()).code).toBe(0);
    expect(leftovers()).toEqual([]);
  });
});

test('a hundred changes a second make at most one reload in each window, and the last one is in the file', async () => {
  const windowMs = 500;
  writeFileSync(path('t'), '{{ key "k" }}');
  registry.putKey('k', '0');
  const told = 't:out:date +%s%3N >> runs; cp out applied';
  const child = await render(['-template', told, '-reload-interval', `${windowMs}ms`]);
  await eventually(() => read('applied') === '0', slow);
  for (let n = 1; n <= 200; n++) {
    registry.putKey('k', String(n));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await eventually(() => read('applied') === '200', slow);
  await child.stop();
  const runs = (read('runs') ?? '').trim().split('\n').map(Number);
  const gaps = runs.slice(1).map((at, index) => at - runs[index]!);
  note(`200 changes in 2 s: ${runs.length} reloads, ${gaps.join(', ')} ms apart`);
  expect(runs.length).toBeGreaterThan(2);
  // The command notes the time a little after it is started.
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(windowMs - 50);
});

/** A file system with room for 128 KiB where we may mount one, else a process that may write no larger files. */
function smallDisk(): { folder: string; start(args: string[]): Promise<Child>; release(): void } {
  const folder = path('disk');
  mkdirSync(folder);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    const script = `trap '' XFSZ; ulimit -f 128; exec "${root}node_modules/.bin/node" "${root}src/main.ts" render "$@"`;
    return {
      folder,
      start: (args) => start('sh', ['-c', script, 'sh', ...args], { cwd: dir }),
      release: () => {},
    };
  }
  return {
    folder,
    start: (args) => startFairlead(['render', ...args], { cwd: dir }),
    release: () => void execFileSync('umount', [folder]),
  };
}
