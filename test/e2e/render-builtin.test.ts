/** What `-builtin` does with flags, configuration and a Consul that comes and goes; no server runs the files here. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestCa } from '../support/certificates.ts';
import { type ConsulAgent, skipConsul, startConsul } from '../support/consul.ts';
import { freePort } from '../support/ports.ts';
import { type Child, eventually, startFairlead, tail } from '../support/process.ts';
import { deregister, register, setCheck, temporaryFolder } from './site.ts';

const tags = ['fairlead:a.test/', 'fairlead:secure.test/'];

describe.skipIf(skipConsul)('built-in targets', () => {
  let consul: ConsulAgent;
  let folder: string;

  beforeAll(async () => {
    consul = await startConsul();
  });
  beforeEach(async () => {
    folder = await temporaryFolder();
    for (const [id, port] of [
      ['web-1', 8001],
      ['web-2', 8002],
    ] as const)
      await register(consul, { name: 'web', id, port, tags });
    return () => rm(folder, { recursive: true });
  });
  afterAll(() => consul?.stop());

  const start = (args: readonly string[], config = '', url = consul.url): Promise<Child> =>
    writeFile(join(folder, 'fairlead.yaml'), config).then(() =>
      startFairlead(['render', '-consul-addr', new URL(url).host, '-data', 'data', ...args], { cwd: folder }),
    );
  const content = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');
  const has = async (name: string, text: string): Promise<void> => {
    await eventually(async () => expect(await content(name)).toContain(text), { timeoutMs: 20_000 });
  };

  test('are written once beside templates, by the router configuration', async () => {
    await writeFile(join(folder, 'ports.ctmpl'), '{{ range service "web" }}{{ .Port }} {{ end }}');
    const config = `
listeners: { public: { address: "127.0.0.1:8088" } }
routes: [{ rule: "static.test", to: ["10.0.0.5:8080"] }]
`;
    const flags = ['-builtin', 'nginx=n.conf', '-builtin', 'haproxy=h.cfg', '-template', 'ports.ctmpl:ports'];
    const child = await start([...flags, '-once'], config);
    expect(await child.exited, tail(child)).toEqual({ code: 0, signal: null });
    expect(await content('ports')).toBe('8001 8002 ');
    for (const name of ['n.conf', 'h.cfg']) {
      const text = await content(name);
      for (const part of [
        '127.0.0.1:8088',
        '127.0.0.1:8001',
        '127.0.0.1:8002',
        '10.0.0.5:8080',
        'static.test',
      ])
        expect(text, name).toContain(part);
    }
  });

  test('are printed by a dry run, which writes nothing', async () => {
    const child = await start(['-builtin', 'haproxy=h.cfg', '-once', '-dry']);
    expect(await child.exited, tail(child)).toEqual({ code: 0, signal: null });
    expect(child.stdout.join('\n')).toContain('server web_40127.0.0.1_3a8001 127.0.0.1:8001');
    expect(existsSync(join(folder, 'h.cfg'))).toBe(false);
  });

  test('are held while a service has too few instances, routed or not', async () => {
    await register(consul, { name: 'quiet', id: 'quiet-1', port: 9001, tags: [] });
    const flags = ['-min-instances', 'web=1', '-min-instances', 'quiet=1'];
    const child = await start(['-builtin', 'nginx=n.conf', ...flags]);
    await has('n.conf', '127.0.0.1:8001');
    await setCheck(consul, 'web-1', 'critical');
    await eventually(async () => expect(await content('n.conf')).not.toContain(':8001'));
    await setCheck(consul, 'web-2', 'critical');
    await child.line(/web has 0 instances; 1 are required/);
    expect(await content('n.conf')).toContain(':8002');
    await setCheck(consul, 'web-1', 'passing');
    await has('n.conf', ':8001');
    await deregister(consul, 'quiet-1');
    await child.line(/quiet has 0 instances; 1 are required/);
    await child.stop('SIGTERM');
  });

  test('stay as they are while Consul is away, from the start or later', async () => {
    await writeFile(join(folder, 'n.conf'), 'the last good one');
    const nobody = `http://127.0.0.1:${await freePort()}`;
    const child = await start(['-builtin', 'nginx=n.conf', '-wait', '10ms'], '', nobody);
    await child.line(/ECONNREFUSED|consul/i);
    expect(await content('n.conf')).toBe('the last good one');
    expect(await child.stop('SIGTERM')).toEqual({ code: 0, signal: null });

    const own = await startConsul();
    await register(own, { name: 'web', port: 8001, tags });
    const follower = await start(['-builtin', 'nginx=n.conf'], '', own.url);
    await has('n.conf', '127.0.0.1:8001');
    const before = await stat(join(folder, 'n.conf'));
    await own.kill();
    await follower.line(/ECONNREFUSED|unreachable/);
    // It forgot everything: what it then says is held, and the file stays.
    await own.restart();
    await follower.line(/in doubt|held/);
    expect(await stat(join(folder, 'n.conf'))).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
    await follower.stop('SIGTERM');
    await own.stop();
  });

  test('show a certificate that was renewed in its place, and refuse what needs one of clients', async () => {
    const ca = await createTestCa();
    await mkdir(join(folder, 'certs'));
    const issue = async (): Promise<void> => {
      const { certPem, keyPem } = await ca.issue(['secure.test']);
      await Promise.all([
        writeFile(join(folder, 'certs/s.key'), keyPem),
        writeFile(join(folder, 'certs/s.crt'), certPem),
        writeFile(join(folder, 'clients.pem'), ca.rootPem),
      ]);
    };
    await issue();
    const child = await start(
      ['-builtin', 'haproxy=h.cfg', '-builtin', 'nginx=n.conf'],
      `
listeners: { secure: { address: ":8443", protocol: https } }
tls:
  certificates: [{ folder: certs }]
  clientAuth: [{ hosts: [secure.test], caFile: clients.pem }]
`,
    );
    await has('h.cfg', `crt '${join(folder, 'certs/s.crt')}'`);
    await has('n.conf', `ssl_certificate_key "${join(folder, 'certs/s.key')}"`);
    for (const name of ['h.cfg', 'n.conf'])
      expect(await content(name)).toContain('secure.test/: answers 501: certificates of clients');
    const contents = async (name: string) => /# content (\w+)/.exec(await content(name))?.[1];
    const before = await contents('h.cfg');
    expect(before).toBe(await contents('n.conf'));
    await issue();
    await eventually(async () => expect(await contents('h.cfg')).not.toBe(before), { timeoutMs: 10_000 });
    await eventually(async () => expect(await contents('n.conf')).not.toBe(before), { timeoutMs: 10_000 });
    await child.stop('SIGTERM');
  });
});
