import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { eventually, start } from '../../support/process.ts';
import { Sidecar } from './sidecar.ts';

/** A child that notes its start and the signals it gets. */
const child =
  "trap 'echo hup >> told' HUP; trap 'echo int >> told; exit 3' INT; trap 'echo term >> told; exit 0' TERM; echo $$ >> pids; while :; do sleep 0.05; done";

test('a disk that takes no more leaves the old file, and nothing beside it', async () => {
  const sidecar = new Sidecar({ 'a.tmpl': 'x'.repeat(200_000), a: 'old' });
  const node = process.execPath;
  const program = new URL('./program.ts', import.meta.url).pathname;
  const script = `trap '' XFSZ; ulimit -f 100; exec ${node} ${program} -once -data state -template a.tmpl:a`;
  const limited = await start('sh', ['-c', script], {
    cwd: sidecar.dir,
    env: { FAKE_DATA: sidecar.path('data') },
  });
  expect((await limited.exited).code, limited.stderr.join('\n')).toBe(14);
  expect(limited.stderr.join()).toContain('write_failed');
  expect(sidecar.read('a')).toBe('old');
  expect(readdirSync(sidecar.dir).filter((name) => name.startsWith('.a.'))).toEqual([]);
});

describe('signals', () => {
  test.each([
    ['SIGINT', 12, []],
    ['SIGTERM', 0, []],
    ['SIGUSR2', 12, ['-kill-signal', 'SIGUSR2']],
  ] as const)('trap 6: %s ends with %d %j, and takes the pid file away', async (signal, code, args) => {
    const sidecar = new Sidecar({ 'a.tmpl': 'x' });
    const running = await sidecar.start('-template', 'a.tmpl:a', '-pid-file', 'pid', ...args);
    await eventually(() => sidecar.read('a') === 'x', { timeoutMs: 10_000 });
    expect(sidecar.read('pid')).toBe(`${running.pid}\n`);
    expect((await running.stop(signal)).code).toBe(code);
    expect(sidecar.read('pid')).toBeNull();
  });

  test('a second one ends at once, whatever is under way', async () => {
    const sidecar = new Sidecar({ 'a.tmpl': 'x' });
    const running = await sidecar.start('-template', 'a.tmpl:a:touch begun; sleep 5');
    await eventually(() => sidecar.read('begun') !== null, { timeoutMs: 10_000 });
    running.signal('SIGTERM');
    await running.line(/stopping/);
    expect((await running.stop('SIGTERM', 3000)).code).toBe(143);
  });

  test('HUP reads the configuration again; a bad one, or a bad template, changes nothing; USR1 opens no debugger', async () => {
    const good = 'template { contents = "one @{x}" destination = "a" }';
    const sidecar = new Sidecar({ 'c.hcl': good, 'data/x': '1' });
    const running = await sidecar.start('-config', 'c.hcl');
    await eventually(() => sidecar.read('a') === 'one 1', { timeoutMs: 10_000 });
    writeFileSync(sidecar.path('c.hcl'), 'tempalte {}');
    running.signal('SIGHUP');
    await running.line(/c\.hcl:1:1: unknown key .*tempalte/);
    writeFileSync(sidecar.path('c.hcl'), 'template { contents = "{{" destination = "a" }');
    running.signal('SIGHUP');
    await running.line(/template: {{ is not closed/);
    sidecar.write('data/x', '2');
    await eventually(() => sidecar.read('a') === 'one 2');
    writeFileSync(sidecar.path('c.hcl'), good.replace('one', 'two'));
    running.signal('SIGHUP');
    await eventually(() => sidecar.read('a') === 'two 2');
    running.signal('SIGUSR1');
    expect((await running.stop()).code).toBe(0);
    expect(running.stderr.join()).not.toContain('Debugger');
  });
});

describe('the child', () => {
  const pids = (sidecar: Sidecar): readonly string[] => (sidecar.read('pids') ?? '').split('\n').slice(0, -1);

  async function withChild(...args: string[]) {
    const sidecar = new Sidecar({ 'a.tmpl': '@{x}', child });
    const running = await sidecar.start('-template', 'a.tmpl:a', '-exec', 'sh ./child', ...args);
    return { sidecar, running };
  }

  test('trap 7, 8: starts when all is rendered, is told by its signal, and outlives a reload', async () => {
    const { sidecar, running } = await withChild('-exec-reload-signal', 'HUP');
    sidecar.write('data/x', '1');
    await eventually(() => pids(sidecar).length === 1, { timeoutMs: 10_000 });
    sidecar.write('data/x', '2');
    await eventually(() => sidecar.read('told') === 'hup\n');
    running.signal('SIGHUP');
    await running.line(/configuration reloaded/);
    sidecar.write('data/x', '3');
    await eventually(() => sidecar.read('told') === 'hup\nhup\n');
    expect(pids(sidecar)).toHaveLength(1);
    expect((await running.stop('SIGTERM')).code).toBe(0);
    expect(sidecar.read('told')).toBe('hup\nhup\nterm\n');
  });

  test('trap 8: without a reload signal it is replaced', async () => {
    const { sidecar, running } = await withChild();
    sidecar.write('data/x', '1');
    await eventually(() => pids(sidecar).length === 1, { timeoutMs: 10_000 });
    sidecar.write('data/x', '2');
    await eventually(() => pids(sidecar).length === 2);
    expect(sidecar.read('told')).toBe('int\n');
    expect((await running.stop('SIGINT')).code).toBe(12);
    expect(sidecar.read('told')).toBe('int\nint\n');
  });

  test('pain 16: a file says itself what its change means: nothing, another signal, or what exec says', async () => {
    const template = (name: string, reload: string): string =>
      `template {\n contents = "@{${name}}"\n destination = "${name}"\n ${reload}\n}\n`;
    const hcl = [
      template('quiet', 'exec { reload_signal = "" }'),
      template('usr', 'exec { reload_signal = "USR1" }'),
      template('plain', ''),
      'exec {\n command = "sh ./child"\n reload_signal = "HUP"\n}\n',
    ].join('');
    const data = { 'data/quiet': '1', 'data/usr': '1', 'data/plain': '1' };
    const usr = `trap 'echo usr >> told' USR1; ${child}`;
    const sidecar = new Sidecar({ 'c.hcl': hcl, child: usr, ...data });
    const running = await sidecar.start('-config', 'c.hcl');
    await eventually(() => pids(sidecar).length === 1, { timeoutMs: 10_000 });
    sidecar.write('data/quiet', '2');
    await eventually(() => sidecar.read('quiet') === '2');
    sidecar.write('data/usr', '2');
    await eventually(() => sidecar.read('told') === 'usr\n');
    sidecar.write('data/plain', '2');
    await eventually(() => sidecar.read('told') === 'usr\nhup\n');
    expect(pids(sidecar)).toHaveLength(1);
    expect((await running.stop('SIGTERM')).code).toBe(0);
  });

  test('trap 29: is stopped when the runner fails', async () => {
    const hcl =
      'template { contents = "@{x}" destination = "a" error_fatal = true }\nexec { command = "sh ./child" }';
    const sidecar = new Sidecar({ 'c.hcl': hcl, 'data/x': '1', child });
    const running = await sidecar.start('-config', 'c.hcl', '-pid-file', 'pid');
    await eventually(() => pids(sidecar).length === 1, { timeoutMs: 10_000 });
    sidecar.write('data/x', '!bad');
    expect((await running.exited).code).toBe(14);
    expect(sidecar.read('told')).toBe('int\n');
    expect(sidecar.read('pid')).toBeNull();
  });
});

test('killed while the check runs: the old file is intact, and the next start sweeps and goes on', async () => {
  const sidecar = new Sidecar({ 'a.tmpl': 'new', a: 'old' });
  const before = statSync(sidecar.path('a'));
  const running = await sidecar.start('-template', 'a.tmpl:a', '-check', 'touch checking; sleep 5');
  await eventually(() => sidecar.read('checking') !== null, { timeoutMs: 10_000 });
  process.kill(running.pid, 'SIGKILL');
  await running.exited;
  const left = () => readdirSync(sidecar.dir).filter((name) => name.startsWith('.a.'));
  expect(left()).toHaveLength(1);
  expect(sidecar.read('a')).toBe('old');
  expect(statSync(sidecar.path('a'))).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
  expect(await sidecar.runHere('-once', '-template', 'a.tmpl:a')).toBe(0);
  expect(sidecar.read('a')).toBe('new');
  expect(left()).toEqual([]);
});

test('trap 2: killed while the command runs: the next start runs it again', async () => {
  const sidecar = new Sidecar({ 'a.tmpl': 'new' });
  const running = await sidecar.start('-template', 'a.tmpl:a:echo begun >> journal; sleep 5');
  await eventually(() => sidecar.read('journal') !== null, { timeoutMs: 10_000 });
  process.kill(running.pid, 'SIGKILL');
  await running.exited;
  expect(sidecar.read('a')).toBe('new');
  expect(await sidecar.runHere('-once', '-template', 'a.tmpl:a:echo again >> journal')).toBe(0);
  expect(sidecar.read('journal')).toBe('begun\nagain\n');
});
