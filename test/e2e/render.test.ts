/** `fairlead render` as people start it, against a real Consul. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ConsulAgent, skipConsul, startConsul } from '../support/consul.ts';
import { type Child, eventually, startFairlead, tail } from '../support/process.ts';
import { deregister, register, setCheck } from './site.ts';

const template = `upstream app {
  least_conn;
{{range service "app"}}  server {{.Address}}:{{.Port}} max_fails=3 fail_timeout=60 weight=1;
{{else}}  server 127.0.0.1:65535; # force a 502
{{end}}}
`;

function upstream(...ports: number[]): string {
  const servers = ports.map((port) => `  server 127.0.0.1:${port} max_fails=3 fail_timeout=60 weight=1;\n`);
  return `upstream app {\n  least_conn;\n${servers.join('') || '  server 127.0.0.1:65535; # force a 502\n'}}\n`;
}

describe.skipIf(skipConsul)('fairlead render', () => {
  let consul: ConsulAgent;
  let folder: string;

  beforeAll(async () => {
    consul = await startConsul();
    folder = await mkdtemp(join(tmpdir(), 'fairlead-render-'));
    await writeFile(join(folder, 'app.ctmpl'), template);
  });

  beforeEach(async () => {
    for (const id of ['app-1', 'app-2']) await deregister(consul, id).catch(() => {});
    await register(consul, { name: 'app', id: 'app-1', port: 8001, tags: [] });
  });

  afterAll(async () => {
    await consul?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  function start(...args: string[]): Promise<Child> {
    const address = new URL(consul.url).host;
    return startFairlead(['render', '-consul-addr', address, ...args], {
      cwd: folder,
      env: { FAIRLEAD_DATA: join(folder, 'data') },
    });
  }

  const content = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');

  test('with -once writes the file as consul-template does, and ends', async () => {
    const child = await start('-template', 'app.ctmpl:once.conf', '-once');
    expect(await child.exited, tail(child)).toEqual({ code: 0, signal: null });
    expect(await content('once.conf')).toBe(upstream(8001));
  });

  test('follows the catalog, runs the command, and ends with a signal', async () => {
    const child = await start('-template', 'app.ctmpl:live.conf:echo reloaded >> live.log');
    await eventually(async () => expect(await content('live.conf')).toBe(upstream(8001)), {
      timeoutMs: 20_000,
    });
    await register(consul, { name: 'app', id: 'app-2', port: 8002, tags: [] });
    await eventually(async () => expect(await content('live.conf')).toBe(upstream(8001, 8002)));
    await setCheck(consul, 'app-1', 'critical');
    await eventually(async () => expect(await content('live.conf')).toBe(upstream(8002)));
    await deregister(consul, 'app-2');
    await eventually(async () => expect(await content('live.conf')).toBe(upstream()));
    await eventually(async () => expect((await content('live.log')).length).toBeGreaterThan(0));
    expect(await child.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  test('keeps the old file when the check does not like the new one, and lives on', async () => {
    const check = 'grep -q 8001 "$FAIRLEAD_FILE"';
    const child = await start('-template', 'app.ctmpl:kept.conf', '-check', check);
    await eventually(async () => expect(await content('kept.conf')).toBe(upstream(8001)), {
      timeoutMs: 20_000,
    });
    const before = await stat(join(folder, 'kept.conf'));
    await register(consul, { name: 'app', id: 'app-2', port: 8002, tags: [] });
    await eventually(async () => expect(await content('kept.conf')).toBe(upstream(8001, 8002)));
    const kept = await stat(join(folder, 'kept.conf'));
    expect(kept.ino).not.toBe(before.ino);
    await deregister(consul, 'app-1');
    await child.line(/check/i);
    expect(await stat(join(folder, 'kept.conf'))).toMatchObject({ ino: kept.ino, mtimeMs: kept.mtimeMs });
    await register(consul, { name: 'app', id: 'app-1', port: 8001, tags: [] });
    expect(await content('kept.conf')).toBe(upstream(8001, 8002));
    expect(await child.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  test.each([
    ['{{ range }}', 14, /template: .*:1: missing value for range/],
    ['{{ secret "a" }}', 14, /secret/],
  ])('%s ends with %i and a place', async (text, code, said) => {
    await writeFile(join(folder, 'bad.ctmpl'), text);
    const child = await start('-template', 'bad.ctmpl:bad.conf', '-once');
    expect((await child.exited).code).toBe(code);
    expect(child.stderr.join('\n')).toMatch(said);
  });

  test('a flag that does not exist ends with 13', async () => {
    const child = await start('-templat', 'app.ctmpl:x.conf');
    expect((await child.exited).code).toBe(13);
    expect(child.stderr.join('\n')).toMatch(/did you mean "template"/);
  });
});
