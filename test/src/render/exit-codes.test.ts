import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Sidecar } from './sidecar.ts';

const before = process.cwd();
let printed = '';
let complained = '';

beforeEach(() => {
  [printed, complained] = ['', ''];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    complained += text;
    return true;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  process.stdout.removeAllListeners('error');
  process.chdir(before);
});

describe("consul-template's exit codes", () => {
  test.each([
    ['a check that fails', ['-once', '-template', 'a.tmpl:a', '-check', 'exit 1'], 14],
    ['a template that fails', ['-once', '-template', 'bad.tmpl:a'], 14],
    ['a template that cannot be parsed', ['-template', 'worse.tmpl:a'], 14],
    ['a template that is not there', ['-template', 'none.tmpl:a'], 14],
    ['an unwritable pid file', ['-template', 'a.tmpl:a', '-pid-file', 'no/such/pid'], 14],
    ['an unknown flag', ['-onec'], 13],
    ['a bad value of a flag', ['-template', 'a.tmpl:a', '-wait', 'x'], 13],
    ['a bad file', ['-config', 'bad.hcl'], 15],
    ['a missing file', ['-config', 'none.hcl'], 15],
    ['nothing to do', [], 13],
    ['help', ['-help'], 0],
    ['the version', ['--version'], 0],
    ['only parsing', ['-parse-only', '-template', 'a.tmpl:a'], 0],
    ['only parsing what cannot be', ['-parse-only', '-template', 'worse.tmpl:a'], 14],
  ])('%s', async (_, args, code) => {
    const files = { 'a.tmpl': 'x', 'bad.tmpl': '!bad', 'worse.tmpl': '{{', 'bad.hcl': 'tempalte {}' };
    const sidecar = new Sidecar(files);
    expect(await sidecar.runHere(...args), complained).toBe(code);
    expect(sidecar.read('a')).toBeNull();
    if (code > 0) expect(printed).toBe('');
  });

  test('a command that fails: the file, for which there was no other, stays', async () => {
    const sidecar = new Sidecar({ 'a.tmpl': 'x' });
    expect(await sidecar.runHere('-once', '-template', 'a.tmpl:a:exit 1')).toBe(14);
    expect(sidecar.read('a')).toBe('x');
  });

  test('a single run writes and runs the command; a second one does nothing', async () => {
    const sidecar = new Sidecar({ 'a.tmpl': 'x=@{x}\n', 'data/x': '1' });
    const args = ['-once', '-template', 'a.tmpl:out/a:echo ran >> journal'];
    expect(await sidecar.runHere(...args)).toBe(0);
    expect(sidecar.read('out/a')).toBe('x=1\n');
    expect(await sidecar.runHere(...args)).toBe(0);
    expect(sidecar.read('journal')).toBe('ran\n');
  });

  test('trap 11: once in a file ends the run', async () => {
    const hcl = 'once = true\ntemplate { contents = "x" destination = "a" }';
    expect(await new Sidecar({ 'c.hcl': hcl }).runHere('-config', 'c.hcl')).toBe(0);
  });

  test('a dry run prints, and writes nothing', async () => {
    const sidecar = new Sidecar({ 'a.tmpl': 'text\n' });
    expect(await sidecar.runHere('-once', '-dry', '-template', 'a.tmpl:a')).toBe(0);
    expect(printed).toBe(`> ${sidecar.path('a')}\ntext\n`);
    expect(sidecar.read('a')).toBeNull();
  });

  test.each([
    ['exit 7', 7],
    ['kill -9 $$', 137],
    ['no-such-program-at-all', 127],
  ])('the status of a child that ends by itself: %s', async (command, code) => {
    expect(await new Sidecar({ 'a.tmpl': 'x' }).runHere('-template', 'a.tmpl:a', '-exec', command)).toBe(
      code,
    );
  });

  test('a single run lasts as long as its child', async () => {
    const sidecar = new Sidecar({ 'a.tmpl': 'x' });
    const args = ['-once', '-template', 'a.tmpl:a', '-exec', 'sleep 0.2; exit 5'];
    expect(await sidecar.runHere(...args)).toBe(5);
  });
});

test('help teaches every flag that is no other name of one', async () => {
  const { flagTable } = await import('../../../src/render/config/flag-table.ts');
  await new Sidecar().runHere('-help');
  const silent =
    /^(h|v|help|version|retry|syslog.*|log-file|max-stale|log-rotate-.*|.*list|consul-transport-.*|consul-auth|consul-retry|consul-ssl-ca-path)$/;
  const missing = [...flagTable.keys()].filter((name) => !silent.test(name) && !printed.includes(`-${name}`));
  expect(missing).toEqual([]);
});

test('no handler of a signal is left behind', async () => {
  const count = () => ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1'].map((name) => process.listenerCount(name));
  const earlier = count();
  await new Sidecar({ 'a.tmpl': 'x' }).runHere('-once', '-template', 'a.tmpl:a');
  expect(count()).toEqual(earlier);
});
