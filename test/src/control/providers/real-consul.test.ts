import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ConsulConfig } from '../../../../src/config/config.ts';
import { createConsulClient } from '../../../../src/control/providers/consul-client.ts';
import { type ConsulAgent, findConsul, skipConsul, startConsul } from '../../../support/consul.ts';
import { freePort } from '../../../support/ports.ts';
import { consulConfig, type Recorder, type RecordOptions, record } from './recorder.ts';

let folder: string;
let agents: ConsulAgent[] = [];
let recorders: Recorder[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fairlead-real-'));
});
afterEach(async () => {
  await Promise.all(recorders.map((recorder) => recorder.stop()));
  await Promise.all(agents.map((agent) => agent.stop()));
  recorders = [];
  agents = [];
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function consul(...options: Parameters<typeof startConsul>): Promise<ConsulAgent> {
  const agent = await startConsul(...options);
  agents.push(agent);
  return agent;
}

function watch(agent: ConsulAgent, options: RecordOptions = {}): Recorder {
  const seen = record(agent.url, options);
  recorders.push(seen);
  return seen;
}

const register = (agent: ConsulAgent, name: string, token?: string): Promise<unknown> =>
  agent.api(
    'PUT',
    '/v1/agent/service/register',
    {
      Name: name,
      ID: name,
      Address: '10.0.0.1',
      Port: 80,
      Tags: [`route:${name}.test/`],
      Check: { TTL: '1h', Status: 'passing' },
    },
    token,
  );

async function flip(agent: ConsulAgent, seen: Recorder, name: string): Promise<number> {
  const word = seen.health(name) === 'passing' ? 'fail' : 'pass';
  const before = seen.events.length;
  const sentAt = performance.now();
  await agent.api('PUT', `/v1/agent/check/${word}/service:${name}`);
  await seen.until(() => seen.events.length > before, `${name} ${word}`, 2000);
  return seen.events.at(-1)!.at - sentAt;
}

const losses = (seen: Recorder): number => seen.events.filter((event) => event.instances.length === 0).length;

describe.skipIf(skipConsul)('real Consul', () => {
  test.each([
    ['per-service', 3],
    ['aggregate', 150],
  ])('%s: a flip is reported within milliseconds of its request', async (mode, count) => {
    const agent = await consul();
    const names = Array.from({ length: count }, (_, i) => `svc-${i}`);
    await Promise.all(names.map((name) => register(agent, name)));
    const seen = watch(agent);
    await seen.completed();
    expect(seen.state().mode).toBe(mode);
    const lags: number[] = [];
    // Up to ten in a row are never slowed down.
    for (let i = 0; i < 8; i += 1) lags.push(await flip(agent, seen, names[i % 3]!));
    lags.sort((a, b) => a - b);
    expect(lags[4], `lags ${lags.map((lag) => lag.toFixed(1)).join(' ')}`).toBeLessThan(50);
  });

  test('killed and started again with its data: no loss, news within two seconds', async () => {
    const agent = await consul({ dataDir: join(folder, 'kept') });
    await register(agent, 'web');
    const seen = watch(agent, { config: { holdMs: 60_000 } });
    await seen.completed();
    await agent.kill();
    await seen.until(() => seen.state().state === 'down', 'down');
    expect(seen.health('web')).toBe('passing');
    await agent.restart();
    const answersAt = performance.now();
    await seen.until(() => seen.state().state !== 'down', 'up again', 2000);
    expect(performance.now() - answersAt).toBeLessThan(2000);
    await agent.api('PUT', '/v1/agent/check/fail/service:web');
    await seen.until(() => seen.health('web') === 'critical', 'critical', 2000);
    await register(agent, 'late');
    await seen.until(() => seen.health('late') === 'passing', 'late', 2000);
    expect(losses(seen)).toBe(0);
  });

  test('started again without its data: what returns is seen', async () => {
    const agent = await consul();
    for (const name of ['web', 'api']) await register(agent, name);
    // An index well above what the fresh agent starts with.
    for (let i = 0; i < 30; i += 1) await agent.api('PUT', '/v1/kv/x', String(i));
    await agent.api('PUT', '/v1/agent/check/fail/service:web');
    const seen = watch(agent);
    await seen.completed();
    await agent.kill();
    await agent.restart();
    await seen.until(() => losses(seen) === 2, 'gone');
    expect(seen.story.slice(0, 2)).toEqual(['complete', expect.stringMatching(/^doubt: lost memory/)]);
    await register(agent, 'web');
    await seen.until(() => seen.health('web') === 'passing', 'web is back', 2000);
    await seen.until(() => seen.story.at(-1) === 'certain', 'certain');
  });

  test('a refused token is replaced by the one that appears in its file', async () => {
    const agent = await consul({
      config: { acl: { enabled: true, default_policy: 'deny', tokens: { master: 'the-right-one' } } },
    });
    await register(agent, 'web', 'the-right-one');
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, 'the-wrong-one');
    const seen = watch(agent, { config: { tokenFile } });
    await seen.until(() => seen.errors.includes('acl'), 'refused');
    expect(seen.state().lastError).toContain('ACL not found');
    await writeFile(tokenFile, 'the-right-one\n');
    await seen.until(() => seen.health('web') === 'passing', 'read', 2500);
    expect(seen.story).toEqual(['complete']);
  });

  test('https: authority, name and client certificate', async () => {
    const binary = await findConsul();
    const home = await mkdtemp(join(folder, 'tls-'));
    for (const command of ['ca create', 'cert create -server', 'cert create -client']) {
      execFileSync(binary, ['tls', ...command.split(' ')], { cwd: home, stdio: 'ignore' });
    }
    const files = {
      caFile: join(home, 'consul-agent-ca.pem'),
      certFile: join(home, 'dc1-client-consul-0.pem'),
      keyFile: join(home, 'dc1-client-consul-0-key.pem'),
    };
    const https = await freePort();
    await consul({
      config: {
        ca_file: files.caFile,
        cert_file: join(home, 'dc1-server-consul-0.pem'),
        key_file: join(home, 'dc1-server-consul-0-key.pem'),
        verify_incoming_https: true,
        ports: { https },
      },
    });
    const good = { ...files, serverName: 'server.dc1.consul', verify: true };
    const attempt = async (tls: ConsulConfig['tls']) => {
      const client = createConsulClient(consulConfig(`https://127.0.0.1:${https}`, { tls }));
      const result = await client.read('/v1/catalog/services', { signal: new AbortController().signal });
      await client.close();
      return result.kind === 'ok' ? 'ok' : result.code;
    };
    expect(await attempt(good)).toBe('ok');
    expect(await attempt({ ...good, caFile: null })).toBe('unreachable');
    expect(await attempt({ ...good, serverName: 'server.dc2.consul' })).toBe('unreachable');
    expect(await attempt({ ...good, certFile: null, keyFile: null })).toBe('unreachable');
    expect(await attempt({ ...good, caFile: null, serverName: null, verify: false })).toBe('ok');
    expect(await attempt({ ...good, caFile: join(home, 'missing.pem') })).toBe('unreachable');
  });
});
