import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { eventually } from '../../support/process.ts';
import { spec } from './specs.ts';
import { breakReload, reload, Stage } from './stage.ts';

/** Long enough for the slowest machine to say everything in time. */
const always = { minMs: 400, maxMs: 20_000, initial: false };

describe('what is evaluated', () => {
  test('trap 5: a file waits for all its data; others do not wait with it', async () => {
    const stage = new Stage(['@{x} @{y}', 'b @{x}'], (dir) => [spec(dir, 'a'), spec(dir, 'b')]);
    void stage.runner.run();
    stage.set({ x: '1' });
    await eventually(() => stage.read('b') === 'b 1');
    expect(stage.read('a')).toBeNull();
    expect(stage.runner.views()[0]).toMatchObject({ result: 'missing', missing: ['y'] });
    stage.set({ y: '2' });
    await eventually(() => stage.told.allRendered === 1);
    expect(stage.read('a')).toBe('1 2');
    expect(stage.told).toEqual({ allRendered: 1, written: 0 });
  });

  test('trap 28: only templates that use what changed are evaluated, once for a burst', async () => {
    const stage = new Stage(['@{x}', '@{y}'], (dir) => [spec(dir, 'a'), spec(dir, 'b')]);
    void stage.runner.run();
    stage.set({ x: '1', y: '1' });
    await eventually(() => stage.told.allRendered === 1);
    stage.source.evaluations.length = 0;
    for (let n = 2; n <= 50; n++) stage.set({ x: String(n) });
    await eventually(() => stage.read('a') === '50');
    expect(stage.source.evaluations).toEqual(['@{x}']);
    expect(stage.source.retained).toEqual(new Set(['x', 'y']));
  });

  test('a template that fails keeps its file, is told, counted, and mends with the next data', async () => {
    const stage = new Stage(['@{x}'], (dir) => [spec(dir, 'a')]);
    void stage.runner.run();
    stage.set({ x: 'good' });
    await eventually(() => stage.read('a') === 'good');
    stage.set({ x: '!bad' });
    await eventually(() => stage.counts.get('a', 'failed') > 0);
    expect(stage.read('a')).toBe('good');
    expect(stage.runner.views()[0]).toMatchObject({ result: 'failed', reason: '!bad' });
    stage.set({ x: 'better' });
    await eventually(() => stage.runner.views()[0]?.result === 'applied');
    expect(stage.read('a')).toBe('better');
    expect(stage.runner.views()[0]?.reason).toBeNull();
  });

  test('trap 20: error_fatal = true ends with the reason, and only then', async () => {
    const stage = new Stage(['!always'], (dir) => [spec(dir, 'a', { errorFatal: true })]);
    expect(await stage.runner.run()).toEqual({ kind: 'failed', reason: '!always' });
  });
});

describe('a failing command', () => {
  test('trap 2, pain 2: brings the old file back, runs for it, and is tried again until it succeeds', async () => {
    const stage = new Stage(['@{x}'], (dir) => [spec(dir, 'a', { command: reload(dir) })]);
    void stage.runner.run();
    stage.set({ x: 'old' });
    await eventually(() => stage.told.allRendered === 1);
    breakReload(stage.dir);
    stage.set({ x: 'new' });
    await eventually(() => stage.counts.get('a', 'command_failed') === 1);
    expect(stage.read('a')).toBe('old');
    expect(stage.lines('journal')).toEqual(['old', 'new', 'old']);
    expect(stage.runner.views()[0]).toMatchObject({ result: 'command_failed' });
    rmSync(join(stage.dir, 'broken'));
    await eventually(() => stage.counts.get('a', 'applied') === 2, { timeoutMs: 10_000 });
    expect(stage.read('a')).toBe('new');
    expect(stage.lines('journal')).toEqual(['old', 'new', 'old', 'new']);
    expect(stage.told).toEqual({ allRendered: 1, written: 1 });
  });

  test('is given up for newer data at once', async () => {
    const stage = new Stage(['@{x}'], (dir) => [spec(dir, 'a', { command: reload(dir) })]);
    breakReload(stage.dir);
    void stage.runner.run();
    stage.set({ x: 'one' });
    await eventually(() => stage.counts.get('a', 'command_failed') === 1);
    rmSync(join(stage.dir, 'broken'));
    stage.set({ x: 'two' });
    expect(stage.runner.views()[0]?.nextInMs).toBe(0);
    await eventually(() => stage.lines('journal').at(-1) === 'two');
  });

  test('ends a single run', async () => {
    const stage = new Stage(['x'], (dir) => [spec(dir, 'a', { command: reload(dir) })], { once: true });
    breakReload(stage.dir);
    expect(await stage.runner.run()).toMatchObject({ kind: 'failed' });
  });

  test('trap 2: a later run runs the command again although the file is right', async () => {
    const specs = (dir: string) => [spec(dir, 'a', { command: reload(dir) })];
    const first = new Stage(['x'], specs, { once: true });
    breakReload(first.dir);
    await first.runner.run();
    rmSync(join(first.dir, 'broken'));
    expect(await new Stage(['x'], specs, { once: true }, first.dir).runner.run()).toEqual({ kind: 'done' });
    expect(await new Stage(['x'], specs, { once: true }, first.dir).runner.run()).toEqual({ kind: 'done' });
    expect(first.lines('journal')).toEqual(['x', 'x']);
  });
});

describe('commands', () => {
  test('the same command of several templates runs once in a pass', async () => {
    const specs = (dir: string) => ['a', 'b', 'c'].map((name) => spec(dir, name, { command: reload(dir) }));
    const stage = new Stage(['1', '2', '3'], specs, { once: true });
    expect(await stage.runner.run()).toEqual({ kind: 'done' });
    expect(stage.lines('journal')).toEqual(['1']);
  });

  test('pain 13: a hundred changes make few runs, and the last content wins', async () => {
    const stage = new Stage(['@{x}'], (dir) => [spec(dir, 'a', { command: reload(dir) })], {
      reloadIntervalMs: 400,
    });
    void stage.runner.run();
    const startMs = performance.now();
    for (let n = 1; n <= 100; n++) {
      stage.set({ x: String(n) });
      await sleep(2);
    }
    await eventually(() => stage.lines('journal').at(-1) === '100');
    const mostRuns = 2 + Math.floor((performance.now() - startMs) / 400);
    expect(stage.lines('journal').length).toBeLessThanOrEqual(mostRuns);
  });
});

describe('waiting for quiet', () => {
  test('trap 9: the first rendering does not wait, later ones do, once', async () => {
    const stage = new Stage(['@{x}'], (dir) => [spec(dir, 'a', { wait: always, command: reload(dir) })]);
    void stage.runner.run();
    stage.set({ x: '0' });
    await eventually(() => stage.told.allRendered === 1);
    expect(stage.messages('waiting for quiet')).toEqual([]);
    for (let n = 1; n <= 5; n++) {
      stage.set({ x: String(n) });
      await setImmediate();
    }
    await eventually(() => stage.lines('journal').at(-1) === '5');
    expect(stage.lines('journal')).toEqual(['0', '5']);
    expect(stage.messages('waiting for quiet')).toMatchObject([
      { template: 'a', inMs: 400, atMostMs: 20_000 },
    ]);
  });

  test('trap 9: news for another template does not postpone this one', async () => {
    const wait = { minMs: 80, maxMs: 60_000, initial: false };
    const stage = new Stage(['@{x}', '@{y}'], (dir) => [spec(dir, 'a', { wait }), spec(dir, 'b')]);
    void stage.runner.run();
    stage.set({ x: '1', y: '1' });
    await eventually(() => stage.told.allRendered === 1);
    stage.set({ x: '2' });
    const noise = setInterval(() => stage.set({ y: String(performance.now()) }), 10);
    try {
      await eventually(() => stage.read('a') === '2');
    } finally {
      clearInterval(noise);
    }
  });

  test('pain 14: initial_wait holds the first rendering too', async () => {
    const wait = { ...always, initial: true };
    const stage = new Stage(['@{x}'], (dir) => [spec(dir, 'a', { wait })]);
    void stage.runner.run();
    stage.set({ x: '1' });
    await eventually(() => stage.messages('waiting for quiet').length === 1);
    stage.set({ x: '2' });
    await eventually(() => stage.counts.get('a', 'applied') === 1);
    expect(stage.read('a')).toBe('2');
  });

  test('a single run does not wait', async () => {
    const wait = { minMs: 60_000, maxMs: 60_000, initial: true };
    const stage = new Stage(['x'], (dir) => [spec(dir, 'a', { wait })], { once: true });
    expect(await stage.runner.run()).toEqual({ kind: 'done' });
  });
});

describe('the least number of instances', () => {
  test('pain 4: an empty catalog writes nothing; when instances return it goes on', async () => {
    const minInstances = new Map([['web', 2]]);
    const stage = new Stage(['@{x}'], (dir) => [spec(dir, 'a')], { minInstances });
    stage.source.instances.set('web', 3);
    void stage.runner.run();
    stage.set({ x: 'full' });
    await eventually(() => stage.read('a') === 'full');
    stage.source.instances.set('web', 0);
    stage.set({ x: 'empty' });
    await eventually(() => stage.runner.views()[0]?.result === 'held');
    expect(stage.runner.views()[0]?.reason).toBe('web has 0 instances; 2 are required');
    expect(stage.read('a')).toBe('full');
    stage.source.instances.set('web', 2);
    stage.set({ x: 'back' });
    await eventually(() => stage.read('a') === 'back');
  });

  test('unknown is not enough', async () => {
    const stage = new Stage(['x'], (dir) => [spec(dir, 'a', { minInstances: new Map([['web', 1]]) })]);
    void stage.runner.run();
    await eventually(() => stage.counts.get('a', 'held') > 0);
    expect(stage.read('a')).toBeNull();
  });
});

test('a commit group is written only when all its templates are complete', async () => {
  const specs = (dir: string) => ['a', 'b'].map((name) => spec(dir, name, { commitGroup: 'g' }));
  const stage = new Stage(['@{x}', '@{y}'], specs);
  void stage.runner.run();
  stage.set({ x: '1' });
  await eventually(() => stage.counts.get('a', 'missing') > 0);
  expect(stage.read('a')).toBeNull();
  stage.set({ y: '2' });
  await eventually(() => stage.read('b') === '2');
  expect(stage.read('a')).toBe('1');
});

test('trap 13: a dry run prints, and neither writes nor runs anything', async () => {
  const stage = new Stage(['text\n'], (dir) => [spec(dir, 'a', { command: reload(dir) })], {
    dry: true,
    once: true,
  });
  expect(await stage.runner.run()).toEqual({ kind: 'done' });
  expect(stage.printed).toEqual([`> ${stage.dir}/a\ntext\n`]);
  expect([stage.read('a'), stage.read('journal')]).toEqual([null, null]);
});

test('without templates everything is rendered', async () => {
  const stage = new Stage([], () => [], { once: true });
  expect(await stage.runner.run()).toEqual({ kind: 'done' });
  expect(stage.told.allRendered).toBe(1);
});
