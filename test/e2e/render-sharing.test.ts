/** Several `fairlead render -dedup` on a real Consul. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ConsulAgent, skipConsul, startConsul } from '../support/consul.ts';
import { type Child, eventually, startFairlead, tail } from '../support/process.ts';
import { register } from './site.ts';

const slow = { timeoutMs: 30_000 };

describe.skipIf(skipConsul)('fairlead render -dedup', { timeout: 90_000 }, () => {
  let consul: ConsulAgent;
  let folder: string;

  beforeAll(async () => {
    consul = await startConsul();
    folder = await mkdtemp(join(tmpdir(), 'fairlead-render-'));
    await writeFile(join(folder, 'c.hcl'), 'deduplicate { ttl = "10s" }');
    await writeFile(join(folder, 't'), '{{ range service "app" }}{{ .Port }} {{ end }}');
    await register(consul, { name: 'app', id: 'app-1', port: 8001, tags: [] });
  });

  afterAll(async () => {
    await consul?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const start = (to: string): Promise<Child> =>
    startFairlead(
      [
        'render',
        '-consul-addr',
        new URL(consul.url).host,
        '-config',
        'c.hcl',
        '-dedup',
        '-template',
        `t:${to}`,
      ],
      {
        cwd: folder,
      },
    );
  const content = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');
  const become = (name: string, text: string): Promise<unknown> =>
    eventually(async () => expect(await content(name)).toBe(text), slow);
  const sessions = async () => (await consul.api('GET', '/v1/session/list')) as { ID: string }[];

  test('one asks and the others follow, also when it is killed', async () => {
    const first = await start('a');
    await become('a', '8001 ');
    const second = await start('b');
    await second.line(/follows the process that asks/, 20_000);
    await become('b', '8001 ');
    await register(consul, { name: 'app', id: 'app-2', port: 8002, tags: [] });
    await Promise.all([become('a', '8001 8002 '), become('b', '8001 8002 ')]);
    expect(second.stderr.join('\n'), tail(second)).not.toMatch(/asks Consul for all who share/);
    const [session, ...others] = await sessions();
    expect(others).toEqual([]);
    await first.stop('SIGKILL');
    // What Consul does by itself when the session's time is over, which takes it twice that time.
    await consul.api('PUT', `/v1/session/destroy/${session!.ID}`);
    await second.line(/asks Consul for all who share/, 30_000);
    await register(consul, { name: 'app', id: 'app-3', port: 8003, tags: [] });
    await become('b', '8001 8002 8003 ');
    const third = await start('c');
    await become('c', '8001 8002 8003 ');
    await second.stop();
    await third.line(/asks Consul for all who share/, 30_000);
    await register(consul, { name: 'app', id: 'app-4', port: 8004, tags: [] });
    await become('c', '8001 8002 8003 8004 ');
    expect(await third.stop()).toEqual({ code: 0, signal: null });
    await eventually(async () => expect(await sessions()).toEqual([]));
  });
});
