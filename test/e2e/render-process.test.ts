/** `fairlead render` as process 1, as it is in a container without an init. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Child, eventually, root, start, tail } from '../support/process.ts';

/** A process namespace of one's own takes rights that not every machine gives. */
const cannot = spawnSync('unshare', ['-pf', 'true']).status !== 0;

const slow = { timeoutMs: 20_000 };

describe.skipIf(cannot)('fairlead render as process 1', () => {
  let dir: string;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'fairlead-render-'));
    writeFileSync(join(dir, 'c.hcl'), 'template { contents = "one" destination = "out" }');
  });

  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const read = (name: string): string | null =>
    existsSync(join(dir, name)) ? readFileSync(join(dir, name), 'utf8') : null;

  /** The program itself; what `unshare` waits for. */
  async function launch(...args: string[]): Promise<{ outer: Child; pid: number }> {
    const outer = await start(
      'unshare',
      ['-pf', '--kill-child', `${root}node_modules/.bin/node`, `${root}src/main.ts`, 'render', ...args],
      { cwd: dir },
    );
    await eventually(() => read('out') !== null, { ...slow, what: tail(outer) });
    const children = readFileSync(`/proc/${outer.pid}/task/${outer.pid}/children`, 'utf8');
    return { outer, pid: Number(children.trim()) };
  }

  test.each([
    ['SIGTERM', 0],
    ['SIGINT', 12],
  ] as const)('%s, which nothing would handle by default there, ends it with %i', async (signal, code) => {
    const { outer, pid } = await launch('-config', 'c.hcl');
    expect(outer.stderr.join('\n')).toMatch(/process 1.*--init, tini or dumb-init/);
    process.kill(pid, signal);
    expect((await outer.exited).code, tail(outer)).toBe(code);
  });

  test('HUP reloads, USR1 and USR2 do no harm, and the child goes with it', async () => {
    writeFileSync(
      join(dir, 'child'),
      'trap : USR1 USR2; echo up > child-up; trap "echo bye > child-down; exit 0" TERM; while :; do sleep 0.05; done',
    );
    const { outer, pid } = await launch('-config', 'c.hcl', '-exec', 'sh ./child');
    await eventually(() => read('child-up') !== null, slow);
    for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.kill(pid, signal);
    writeFileSync(join(dir, 'c.hcl'), 'template { contents = "two" destination = "out" }');
    process.kill(pid, 'SIGHUP');
    await eventually(() => read('out') === 'two', slow);
    process.kill(pid, 'SIGTERM');
    expect((await outer.exited).code, tail(outer)).toBe(0);
    expect(read('child-down')).toBe('bye\n');
  });
});
