/** HUP: rules of TLS that take effect at once, what is said of the others, and files that cannot be used. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type EmbeddedRegistry, startRegistry } from '../../../src/embedded/registry.ts';
import { type Backend, startBackend } from '../../support/backend.ts';
import { createTestCa, type TestCa } from '../../support/certificates.ts';
import { head } from '../../support/engine.ts';
import { freePort } from '../../support/ports.ts';
import { eventually } from '../../support/process.ts';
import { shake } from '../../support/secure.ts';
import { type Site, startSite, temporaryFolder } from '../site.ts';

let clients: TestCa;
let registry: EmbeddedRegistry;
let backend: Backend;
let folder: string;
let site: Site;
let secure: number;

beforeAll(async () => {
  const [authority, own] = await Promise.all([createTestCa(), createTestCa({ name: 'Clients' })]);
  clients = own;
  folder = await temporaryFolder();
  const { certPem, keyPem } = await authority.issue(['shop.test', 'open.test']);
  await writeFile(join(folder, 'shop.pem'), certPem + keyPem);
  await writeFile(join(folder, 'clients.pem'), clients.rootPem);
  registry = await startRegistry({ host: '127.0.0.1', port: 0 });
  backend = await startBackend({ name: 'b1' });
  secure = await freePort();
  site = await startSite({
    consul: registry.url,
    flags: ['--https', `127.0.0.1:${secure}`],
    config: configOf(''),
  });
});
afterAll(async () => {
  await site?.stop();
  await backend?.kill();
  await registry?.close();
  await rm(folder, { recursive: true, force: true });
});

const configOf = (more: string): string => `tls:
  certificates: [{ certFile: ${folder}/shop.pem }]
${more}routes:
  - { rule: "*.test https=redirect", to: ["127.0.0.1:${backend.port}"] }
`;
const ASK = '  clientAuth: [{ hosts: [shop.test], caFile: FOLDER/clients.pem }]\n';

interface Configuration {
  readonly loadedAt: string;
  readonly needRestart: readonly string[];
  readonly problems: readonly string[];
}

async function configuration(): Promise<Configuration> {
  return JSON.parse((await site.ask('/api/configuration')).body) as Configuration;
}

/** Gives this configuration to the router, and returns the lines it says about it. */
async function reload(text: string): Promise<string> {
  await writeFile(site.configFile, text);
  const before = site.child.stderr.length;
  site.child.signal('SIGHUP');
  const said = () => site.child.stderr.slice(before);
  await eventually(() => said().some((line) => /reloaded/.test(line)));
  return said().join('\n');
}

/** The status a client gets that shows this certificate or none. */
async function statusFor(host: string, more: object = {}): Promise<number> {
  try {
    const client = await shake(secure, { servername: host, ...more });
    const { status } = await client.request(head('GET / HTTP/1.1', `Host: ${host}`, 'Connection: close'));
    client.close();
    return status;
  } catch {
    return 0;
  }
}

test('client certificates, HSTS and the port of redirects change at once, and a bad file opens nothing', async () => {
  const [known, stranger] = await Promise.all([
    clients.certificate('client.one'),
    createTestCa().then((ca) => ca.certificate('client.one')),
  ]);
  const shown = ({ certPem: cert, keyPem: key }: typeof known) => ({ cert, key });
  const ask = ASK.replace('FOLDER', folder);
  expect(await statusFor('shop.test')).toBe(200);

  const said = await reload(configOf(`${ask}  hsts: { maxAge: 77 }\n  redirectPort: 4443\n`));
  expect(said).not.toContain('need a restart');
  // Both workers.
  for (let i = 0; i < 6; i++) {
    await eventually(async () => expect(await statusFor('shop.test')).toBe(0));
    expect(await statusFor('shop.test', shown(stranger))).toBe(0);
    expect(await statusFor('shop.test', shown(known))).toBe(200);
  }
  expect(await statusFor('open.test')).toBe(200);
  const { headers } = await site.get('shop.test');
  expect(headers.get('location')).toBe('https://shop.test:4443/');

  const { loadedAt } = await configuration();
  for (const [text, reason] of [
    [undefined, /there is no such file/],
    ['', /holds no certificate/],
    ['garbage', /holds no certificate/],
  ] as const) {
    if (text === undefined) await rm(join(folder, 'clients.pem'));
    else await writeFile(join(folder, 'clients.pem'), text);
    expect(await reload(configOf(ask))).toMatch(/not valid and was not reloaded/);
    const { problems, ...others } = await configuration();
    expect(problems.join()).toMatch(reason);
    expect(others).toEqual({ loadedAt, needRestart: [] });
    expect(await statusFor('shop.test')).toBe(0);
    expect(await statusFor('shop.test', shown(known))).toBe(200);
  }
});

test('what needs a restart is said by its key in the log and by the API, until it is taken back', async () => {
  await writeFile(join(folder, 'clients.pem'), clients.rootPem);
  const more = '  strict: true\n  acme: { email: a@example.com, directory: "https://127.0.0.1:1/dir" }\n';
  const changed = configOf(more).replace('shop.pem }', 'shop.pem }, { folder: /nowhere }');
  const keys = ['tls.acme', 'tls.certificates', 'tls.strict'];
  const said = await reload(changed);
  const line = said.split('\n').find((each) => each.includes('need a restart')) ?? '{}';
  expect(JSON.parse(line)).toMatchObject({ level: 'warn', keys: expect.arrayContaining(keys) });
  const { needRestart, problems } = await configuration();
  expect([needRestart.toSorted(), problems]).toEqual([keys, []]);
  // The rule of before is gone with the file that had it.
  expect(await statusFor('shop.test')).toBe(200);
  await reload(configOf(''));
  expect((await configuration()).needRestart).toEqual([]);
});
