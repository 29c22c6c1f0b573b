/** `fairlead dev` as a newcomer meets it: one command, nothing installed. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { startBackend } from '../support/backend.ts';
import { skipConsul, startConsul } from '../support/consul.ts';
import { get, startLoad } from '../support/load.ts';
import { accepts, freePorts } from '../support/ports.ts';
import { type Child, eventually, startFairlead } from '../support/process.ts';
import { shake } from '../support/secure.ts';
import { registerBackend, type Site, startSite, temporaryFolder } from './site.ts';

const run = promisify(execFile);
const endings: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function dev(consul?: string): Promise<Site & { temporary: string }> {
  const temporary = await temporaryFolder();
  endings.push(() => rm(temporary, { recursive: true, force: true }));
  const env = { TMPDIR: temporary };
  const site = await startSite({ command: 'dev', env, ...(consul !== undefined && { consul }) });
  endings.push(() => site.stop());
  return Object.assign(site, { temporary });
}

interface Sample {
  name: string;
  port: number;
  pid: number;
}

/** As printed for people. */
async function samplesOf(child: Child): Promise<Sample[]> {
  await child.line(/Try it:/);
  return child.stderr.flatMap((line) => {
    const match = /^ +sample +(\w+) +127\.0\.0\.1:(\d+) +pid (\d+)$/.exec(line);
    return match ? [{ name: match[1]!, port: Number(match[2]), pid: Number(match[3]) }] : [];
  });
}

async function catalogOf(child: Child): Promise<string> {
  const line = await child.line(/^ +catalog +http/);
  return /http:\S+/.exec(line)![0];
}

/** Processes whose parent this is. */
function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid;
      } catch {
        return false;
      }
    })
    .map(Number);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('it starts by itself, routes what is registered, and ends without a trace', async () => {
  const startedAt = performance.now();
  const site = await dev();
  const samples = await samplesOf(site.child);
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  expect(samples.map(({ name }) => name)).toEqual(['amber', 'birch', 'coral']);
  expect(childrenOf(site.child.pid).sort()).toEqual(samples.map(({ pid }) => pid).sort());

  const seen = new Set<string>();
  for (const host of ['localhost', 'hello.localhost', '127.0.0.1']) {
    for (let i = 0; i < 6; i++) {
      const answer = await site.get(`${host}:${site.web}`);
      expect(answer.status).toBe(200);
      seen.add(/Hello from (\w+)/.exec(answer.body)![1]!);
    }
  }
  expect([...seen].sort()).toEqual(['amber', 'birch', 'coral']);

  // The lines it prints work as they stand.
  const catalog = await catalogOf(site.child);
  expect((await site.get('shop.localhost')).status).toBe(404);
  const at = site.child.stderr.findIndex((line) => line.includes('/v1/agent/service/register'));
  expect(site.child.stderr[at]).toContain(`curl -X PUT ${catalog}/v1/agent/service/register`);
  const body = /-d '(\{.*\})'$/.exec(site.child.stderr[at + 1]!)![1]!;
  const registered = await fetch(`${catalog}/v1/agent/service/register`, { method: 'PUT', body });
  expect(registered.status).toBe(200);
  await eventually(async () => expect((await site.get('shop.localhost')).body).toContain('Hello from birch'));
  await fetch(`${catalog}/v1/agent/service/deregister/shop`, { method: 'PUT' });
  await eventually(async () => expect((await site.get('shop.localhost')).status).toBe(503));

  expect(await site.child.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  await eventually(() => samples.every(({ pid }) => !isAlive(pid)), 'the samples to end');
  await expect(accepts(Number(new URL(catalog).port))).rejects.toThrow('ECONNREFUSED');
  expect(readdirSync(site.temporary)).toEqual([]);
});

test('it serves https by names, certified by an authority of its own', async () => {
  const site = await dev();
  await samplesOf(site.child);
  const printed = (pattern: RegExp): string =>
    site.child.stderr.map((line) => pattern.exec(line)?.[1]).find((found) => found !== undefined) ?? '';
  const caFile = printed(/^ +local CA +(\S+)/);
  const url = new URL(printed(/^ +secure +(\S+)/));
  expect([caFile, url.hostname]).toEqual([`${site.folder}/data/local-ca/root.crt`, 'app.localhost']);
  const [, curl = ''] = /^ +curl (--cacert .*)/m.exec(site.child.stderr.join('\n')) ?? [];
  const port = Number(url.port);
  const { stdout } = await run('curl', ['-sS', '-w', ' %{http_version}', ...curl.split(' ')]);
  expect(stdout).toMatch(/^Hello from \w+ .* 2$/s);

  // Whatever is registered is certified, too.
  const catalog = await catalogOf(site.child);
  const shop = { Name: 'shop', Address: '127.0.0.1', Port: 1, Tags: ['fairlead:shop.localhost/'] };
  await fetch(`${catalog}/v1/agent/service/register`, { method: 'PUT', body: JSON.stringify(shop) });
  for (const name of ['app.localhost', 'hello.localhost', 'shop.localhost', 'localhost']) {
    const trust = ['-connect', `127.0.0.1:${port}`, '-CAfile', caFile, '-verify_hostname', name];
    await eventually(async () => {
      const shown = await run('sh', [
        '-c',
        'openssl s_client "$@" </dev/null',
        'sh',
        '-servername',
        name,
        ...trust,
      ]);
      expect(shown.stdout).toContain('Verify return code: 0 (ok)');
      expect(shown.stdout).toMatch(new RegExp(`^subject=.*CN ?= ?${name}$`, 'm'));
    });
  }
  const ca = readFileSync(caFile);
  for (const protocol of ['h2', 'http/1.1']) {
    const options = { servername: 'app.localhost', ca, ALPNProtocols: [protocol], rejectUnauthorized: true };
    const shaken = await shake(port, options);
    expect(shaken.protocol).toBe(protocol);
    shaken.close();
  }
});

test('a sample that is killed under load costs no request', async () => {
  const site = await dev();
  const samples = await samplesOf(site.child);
  const load = startLoad({ port: site.web, host: 'hello.localhost', connections: 8, ratePerSecond: 100 });
  await eventually(() => load.counters.ok > 50);
  process.kill(samples[0]!.pid, 'SIGKILL');
  await eventually(async () => expect((await site.active('hello')).length).toBe(2), {
    timeoutMs: 10_000,
    what: 'the check to notice',
  });
  const after = load.counters.ok;
  await eventually(() => load.counters.ok > after + 50);
  const { failed, unsent } = await load.stop();
  expect({ failed, unsent }).toEqual({ failed: [], unsent: 0 });
});

test('killed itself, it leaves no samples behind', async () => {
  const site = await dev();
  const samples = await samplesOf(site.child);
  await site.child.stop('SIGKILL');
  await eventually(() => samples.every(({ pid }) => !isAlive(pid)), 'the samples to end');
});

test('a taken port is one line, and the samples end with it', async () => {
  const first = await dev();
  const [admin, nobody] = await freePorts(2);
  const addresses = ['--http', `127.0.0.1:${first.web}`, '--admin', `127.0.0.1:${admin}`];
  const args = ['dev', ...addresses, '--consul', `127.0.0.1:${nobody}`, '--workers', '2'];
  const second = await startFairlead(args, { cwd: first.folder, env: { TMPDIR: first.temporary } });
  // Its samples hold the same standard error, so that this waits for them as well.
  expect(await second.exited).toEqual({ code: 69, signal: null });
  expect(second.stderr).toEqual([
    `fairlead: listener web: address 127.0.0.1:${first.web} is in use by another process`,
  ]);
  expect(readdirSync(first.temporary).length).toBe(1);
  expect((await get(first.web, { host: 'localhost' })).status).toBe(200);
});

test.skipIf(skipConsul)('a real Consul at the configured address is used, and that is said', async () => {
  const consul = await startConsul();
  endings.push(() => consul.stop());
  const backend = await startBackend({ name: 'real' });
  endings.push(() => backend.close());
  await registerBackend(consul, 'real', backend, ['fairlead:real.test/']);
  const site = await dev(consul.url);
  await site.child.line(new RegExp(`A Consul answers at ${consul.url}: using it`));
  await eventually(async () => expect((await site.get('real.test')).body).toBe('real'));
  expect((await site.get('hello.localhost')).status).toBe(404);
  expect(childrenOf(site.child.pid)).toEqual([]);
  const services = (await consul.api('GET', '/v1/catalog/services')) as object;
  expect(Object.keys(services).sort()).toEqual(['consul', 'real']);
});

describe('side by side', () => {
  test('several of them do not disturb each other', async () => {
    const sites = await Promise.all([dev(), dev(), dev()]);
    const all = await Promise.all(sites.map(({ child }) => samplesOf(child)));
    expect(new Set(all.flat().map(({ pid }) => pid)).size).toBe(9);
    const catalogs = await Promise.all(sites.map(({ child }) => catalogOf(child)));
    expect(new Set(catalogs).size).toBe(3);
    for (const [i, catalog] of catalogs.entries()) {
      const body = JSON.stringify({
        ...{ Name: `only-${i}`, Address: '127.0.0.1', Port: all[i]![0]!.port },
        Tags: [`fairlead:only-${i}.test/`],
      });
      await fetch(`${catalog}/v1/agent/service/register`, { method: 'PUT', body });
    }
    for (const [i, site] of sites.entries()) {
      await eventually(async () =>
        expect((await site.get(`only-${i}.test`)).body).toContain('Hello from amber'),
      );
      for (const j of [0, 1, 2].filter((other) => other !== i))
        expect((await site.get(`only-${j}.test`)).status).toBe(404);
    }
    await sites[0]!.child.stop('SIGTERM');
    expect((await sites[1]!.get('only-1.test')).status).toBe(200);
    expect((await sites[2]!.get('only-2.test')).status).toBe(200);
  });
});
