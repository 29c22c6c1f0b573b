import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { freePort, freePorts } from '../../support/ports.ts';
import { eventually } from '../../support/process.ts';
import { problemsOf } from './loading.ts';
import { Sidecar } from './sidecar.ts';

async function ask(port: number, path: string, token?: string): Promise<{ status: number; body: string }> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
  return { status: answer.status, body: await answer.text() };
}

const slow = { timeoutMs: 10_000 };

describe('the admin listener of a renderer', () => {
  test('tells of files that wait, are written, are held, and counts', async () => {
    const sidecar = new Sidecar({ 'a.tmpl': '@{x}' });
    const port = await freePort();
    const check = 'grep -qv bad "$FAIRLEAD_FILE"';
    await sidecar.start('-template', 'a.tmpl:a', '-check', check, '-admin', `127.0.0.1:${port}`);
    await eventually(async () => (await ask(port, '/health')).body === 'OK\n', slow);
    const views = async () => JSON.parse((await ask(port, '/api/renders')).body).renders;
    await eventually(async () => (await views())[0]?.result === 'missing');
    expect(await views()).toEqual([
      {
        template: 'a.tmpl => a',
        destination: sidecar.path('a'),
        group: null,
        result: 'missing',
        reason: null,
        missing: ['x'],
        settledMsAgo: null,
        nextInMs: null,
      },
    ]);
    expect(await ask(port, '/ready')).toEqual({ status: 503, body: 'not ready\n' });
    expect(JSON.parse((await ask(port, '/ready?verbose')).body)).toEqual({
      ready: false,
      reasons: ['a.tmpl => a: missing: x'],
    });
    sidecar.write('data/x', 'good');
    await eventually(async () => (await ask(port, '/ready')).status === 200);
    sidecar.write('data/x', 'bad');
    await eventually(async () => (await views())[0].result === 'check_failed');
    expect((await views())[0].reason).toContain('exit status 1');
    // Its old file is still there and right for what it was written from.
    expect((await ask(port, '/ready')).status).toBe(200);
    const { body } = await ask(port, '/metrics');
    expect(body).toMatch(/^fairlead_renders_total\{template="a\.tmpl => a",result="applied"\} 1$/m);
    expect(body).toMatch(/^fairlead_renders_total\{template="a\.tmpl => a",result="check_failed"\} \d+$/m);
    expect(body).toMatch(/^fairlead_render_failing\{template="a\.tmpl => a"\} 1$/m);
    expect(body).toMatch(/^fairlead_render_settled_age_seconds\{template="a\.tmpl => a"\} [\d.]+$/m);
    expect(body).toMatch(/^fairlead_build_info\{/m);
  });

  test('moves with the configuration, and what cannot be opened changes nothing', async () => {
    const [one, two, busy] = (await freePorts(3)) as [number, number, number];
    const hcl = (port: number, token: string, name = 'a'): string =>
      `template { contents = "x" destination = "${name}" }
       admin { address = "127.0.0.1:${port}" token = "${token}" }`;
    const sidecar = new Sidecar({ 'c.hcl': hcl(one, 'first') });
    const running = await sidecar.start('-config', 'c.hcl');
    const reload = (text: string): void => {
      writeFileSync(sidecar.path('c.hcl'), text);
      running.signal('SIGHUP');
    };
    await eventually(async () => (await ask(one, '/api/renders', 'first')).status === 200, slow);
    expect((await ask(one, '/api/renders')).status).toBe(401);
    reload(hcl(one, 'second'));
    await eventually(async () => (await ask(one, '/api/renders', 'second')).status === 200);
    expect((await ask(one, '/api/renders', 'first')).status).toBe(401);
    reload(hcl(two, 'second', 'b'));
    await eventually(async () => (await ask(two, '/metrics', 'second')).body.includes('contents => b'));
    // What is gone from the configuration is gone from the counters.
    expect((await ask(two, '/metrics', 'second')).body).not.toContain('contents => a');
    await expect(ask(one, '/health')).rejects.toThrow();
    const other = await new Sidecar({ 'a.tmpl': 'y' }).start(
      '-template',
      'a.tmpl:a',
      '-admin',
      `127.0.0.1:${busy}`,
    );
    await eventually(async () => (await ask(busy, '/health')).status === 200, slow);
    reload(hcl(busy, 'second', 'c'));
    await running.line(/the configuration was not reloaded/);
    expect((await ask(two, '/api/renders', 'second')).body).toContain('contents => b');
    reload('template { contents = "x" destination = "b" }');
    await eventually(async () => {
      await expect(ask(two, '/health')).rejects.toThrow();
    });
    expect((await running.stop()).code).toBe(0);
    expect((await other.stop()).code).toBe(0);
  });

  test('that cannot be opened at the start ends the process; a single run opens none', async () => {
    const sidecar = new Sidecar({ 'a.tmpl': 'x' });
    const at = ['-admin', `127.0.0.1:${await freePort()}`];
    const first = await sidecar.start('-template', 'a.tmpl:a', ...at);
    await eventually(() => sidecar.read('a') === 'x', slow);
    const second = await sidecar.start('-template', 'a.tmpl:b', ...at);
    expect((await second.exited).code).toBe(14);
    expect(second.stderr.join('\n')).toMatch(/EADDRINUSE|in use/);
    expect((await (await sidecar.start('-once', '-template', 'a.tmpl:c', ...at)).exited).code).toBe(0);
    await first.stop();
  });
});

test.each([
  ['admin { token = "x" }', /^c\.hcl:1:\d+: admin: "address" is missing$/],
  ['admin { address = ":9998" }', /can be reached from other machines and needs admin\.token/],
  ['admin { address = "9998" }', /is only a port/],
  ['admin { address = "127.0.0.1:1" tokenFile = "x" }', /unknown key "tokenFile".*"token_file"/],
  ['admin { address = "127.0.0.1:1" token_file = "none" }', /cannot read .*none/],
])('%s is refused with its place', (admin, message) => {
  const hcl = `${admin}\ntemplate { contents = "x" destination = "a" }`;
  expect(problemsOf({ hcl })).toEqual([expect.stringMatching(message)]);
});
