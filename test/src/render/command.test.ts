// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a shell's variable
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commandOf } from '../../../src/render/config/values.ts';
import { runCommand } from '../../../src/render/process/command.ts';
import { commandEnvironment } from '../../../src/render/process/environment.ts';
import { eventually } from '../../support/process.ts';
import { folder } from './loading.ts';

const env = { PATH: process.env.PATH };

function run(text: string, timeoutMs = 10_000) {
  return runCommand({ line: commandOf(text)!, timeoutMs }, env);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('a command', () => {
  test('with a blank goes to a shell', async () => {
    expect(await run('echo one; echo two >&2')).toMatchObject({ ok: true, output: 'one\ntwo' });
  });

  test('as a list is run directly', async () => {
    const line = { kind: 'program', argv: ['printf', '%s', 'a b;$HOME'] } as const;
    expect(await runCommand({ line, timeoutMs: 5000 }, env)).toMatchObject({ ok: true, output: 'a b;$HOME' });
  });

  test.each([
    ['exit 3', 'exit status 3'],
    ['kill -9 $$', 'ended by SIGKILL'],
    ['/no/such/program', 'there is no program /no/such/program'],
  ])('%s fails', async (text, reason) => {
    expect(await run(text)).toMatchObject({ ok: false, reason });
  });

  test('of its output the end is kept', async () => {
    const { output } = await run('head -c 100000 /dev/zero | tr "\\0" x; echo; echo the end');
    expect(output.length).toBeLessThan(9000);
    expect(output.startsWith('…')).toBe(true);
    expect(output.endsWith('the end')).toBe(true);
  });

  test('that takes too long is ended with all it started', async () => {
    const file = join(folder(), 'pid');
    const result = await run(`sleep 60 & echo $! > ${file}; wait`, 200);
    expect(result).toMatchObject({ ok: false, reason: 'took longer than 200ms' });
    const pid = Number(readFileSync(file, 'utf8'));
    await eventually(() => !isAlive(pid), 'the grandchild is gone');
  });

  test('that ignores TERM is killed, with what it started', async () => {
    const file = join(folder(), 'pids');
    const stubborn = "trap '' TERM; while :; do sleep 0.1; done";
    const startMs = performance.now();
    // The first shell dies of TERM and leaves the second; then one that stays itself.
    expect((await run(`sh -c "${stubborn}" & echo $! >> ${file}; wait`, 100)).ok).toBe(false);
    expect((await run(`echo $$ >> ${file}; ${stubborn}`, 100)).ok).toBe(false);
    expect(performance.now() - startMs).toBeLessThan(12_000);
    const pids = readFileSync(file, 'utf8').trim().split('\n').map(Number);
    expect(pids).toHaveLength(2);
    await eventually(() => !pids.some(isAlive), 'all are gone');
  });

  test('that leaves a daemon with its output open does not hold us up', async () => {
    const file = join(folder(), 'pid');
    const startMs = performance.now();
    expect(await run(`sleep 60 & echo $! > ${file}`)).toMatchObject({ ok: true });
    expect(performance.now() - startMs).toBeLessThan(5000);
    process.kill(Number(readFileSync(file, 'utf8')));
  });

  test('with timeout 0 is not waited for', async () => {
    const file = join(folder(), 'done');
    expect(await run(`sleep 0.2; touch ${file}; exit 1`, 0)).toMatchObject({ ok: true });
    expect(existsSync(file)).toBe(false);
    await eventually(() => existsSync(file));
  });

  test('with timeout 0 that cannot be started fails all the same', async () => {
    expect(await run('/no/such/program', 0)).toMatchObject({ ok: false });
  });
});

describe('its environment', () => {
  const own = { PATH: '/bin', SECRET_A: '1', HOME: '/h' };
  const consul = { CONSUL_HTTP_ADDR: 'http://c' };
  const none = { pristine: false, custom: [], allowlist: [], denylist: [] };

  test.each([
    ['everything, and how to reach Consul', {}, { ...own, ...consul }],
    ['nothing but what is given', { pristine: true, custom: ['A=b=c', 'E'] }, { A: 'b=c', E: '' }],
    ['what the allowlist has', { allowlist: ['PA*', 'H?ME'] }, { PATH: '/bin', HOME: '/h' }],
    ['not what the denylist has', { denylist: ['SECRET_*', 'CONSUL_*'] }, { PATH: '/bin', HOME: '/h' }],
    ['the denylist wins', { allowlist: ['*'], denylist: ['[A-H]*', 'S*'] }, { PATH: '/bin' }],
    ['custom always passes', { denylist: ['*'], custom: ['SECRET_A=2'] }, { SECRET_A: '2' }],
  ])('%s', (_, spec, expected) => {
    expect(commandEnvironment({ ...none, ...spec }, own, consul)).toEqual(expected);
  });
});
