import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ExecSpec } from '../../../src/render/config/model.ts';
import { createSource } from '../../../src/render/create-source.ts';
import { ExecChild } from '../../../src/render/process/exec-child.ts';
import type { CreateRenderers } from '../../../src/render/renderer.ts';
import { eventually } from '../../support/process.ts';
import { Live } from './live.ts';
import { folder, load } from './loading.ts';
import { shell, spec } from './specs.ts';
import { Stage } from './stage.ts';

/** What is under way when a renderer ends. */

const log = { info() {}, warn() {}, error() {}, debug() {} } as unknown as ConstructorParameters<
  typeof ExecChild
>[2];

function childSpec(text: string, change: Partial<ExecSpec> = {}): ExecSpec {
  return {
    ...shell(text),
    ...{ splayMs: 0, killSignal: 'SIGINT', killTimeoutMs: 300, timeoutMs: 0 },
    reload: { kind: 'restart' },
    ...change,
  };
}

test('a child that is slow to make room for the next one does not outlive the end', async () => {
  const dir = folder();
  const pidFile = join(dir, 'pid');
  // Nothing but KILL ends it.
  const stubborn = `exec node -e 'for (const s of ["SIGINT", "SIGTERM"]) process.on(s, () => {}); require("fs").writeFileSync("${pidFile}", String(process.pid)); setInterval(() => {}, 1000)'`;
  const child = new ExecChild(childSpec(stubborn), { PATH: process.env.PATH }, log);
  child.start();
  await eventually(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '', { timeoutMs: 10_000 });
  const pid = Number(readFileSync(pidFile, 'utf8'));
  child.changed([null]);
  // The restart begins with the timer of the splay.
  await new Promise((resolve) => setTimeout(resolve, 50));
  await child.stop('SIGTERM');
  expect(() => process.kill(pid, 0)).toThrow();
});

test('after a stop the commit that is under way is finished, and no further one begun', async () => {
  const stage = new Stage(['1', '2'], (dir) => {
    const check = shell(
      `touch ${join(dir, 'checking')}; while test ! -e ${join(dir, 'go')}; do sleep 0.02; done`,
    );
    return [spec(dir, 'a', { check }), spec(dir, 'b')];
  });
  const ended = stage.runner.run();
  await eventually(() => stage.read('checking') !== null);
  const stopped = stage.runner.stop();
  writeFileSync(join(stage.dir, 'go'), '');
  await stopped;
  expect(await ended).toEqual({ kind: 'stopped' });
  expect(stage.read('a')).toBe('1');
  expect(stage.read('b')).toBeNull();
});

describe('a reload that is under way when it ends', () => {
  test('writes and starts nothing any more', async () => {
    const live = await Live.create({ t: 'old', u: 'new' });
    const build = Promise.withResolvers<void>();
    let builds = 0;
    const delayed: CreateRenderers = async (config, context) => {
      if (++builds > 1) await build.promise;
      return createSource(config, context);
    };
    const session = await live.start(['-template', 't:out'], delayed);
    await eventually(() => live.read('out') === 'old');
    const args = ['-consul-addr', new URL(live.registry.url).host, '-data', 'state', '-template', 'u:out'];
    const next = load({ args: [...args, '-log-level', 'err'], cwd: live.dir });
    if (next.kind !== 'config') throw new Error(JSON.stringify(next));
    const reloaded = session.reload(next.config);
    await eventually(() => builds === 2);
    await session.stop(0);
    build.resolve();
    await reloaded;
    expect(await session.ended).toBe(0);
    // A turn in which a runner would have written.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(live.read('out')).toBe('old');
  });
});
