/** Instances with TLS behind the whole program: what clients, the log and the metrics hear of those that do not prove who they are. */
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EmbeddedRegistry, startRegistry } from '../../../src/embedded/registry.ts';
import type { Certificate } from '../../../tls/certificate.ts';
import { type Backend, startBackend } from '../../support/backend.ts';
import { certificateFor, createTestCa, DAY_MS } from '../../support/certificates.ts';
import { type Http2Backend, startHttp2Backend } from '../../support/http2-backend.ts';
import { eventually } from '../../support/process.ts';
import { startTlsFront } from '../../support/tls-front.ts';
import { type Site, startSite, temporaryFolder } from '../site.ts';

/** As an instance may end whoever speaks something else than it does. */
async function startRude(end: (socket: Socket) => unknown): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {}).once('data', () => end(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  endings.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

const FAILURES = 'fairlead_upstream_tls_failures_total';

let registry: EmbeddedRegistry;
let backend: Backend;
let h2: Http2Backend;
let folder: string;
let site: Site;
const endings: (() => unknown)[] = [];

beforeAll(async () => {
  const [authority, stranger] = await Promise.all([createTestCa(), createTestCa({ name: 'Stranger' })]);
  const dated = (from: number, to: number): Promise<Certificate> =>
    certificateFor(authority, ['shop.test'], {
      notBefore: new Date(Date.now() + from * DAY_MS),
      notAfter: new Date(Date.now() + to * DAY_MS),
    });
  const certificates = {
    good: await authority.certificate('shop.test'),
    expired: await dated(-30, -1),
    early: await dated(1, 30),
    other: await authority.certificate('other.test'),
    strange: await stranger.certificate('shop.test'),
  };
  backend = await startBackend({ name: 'b1' });
  h2 = await startHttp2Backend({ certificate: certificates.good });
  registry = await startRegistry({ host: '127.0.0.1', port: 0 });
  folder = await temporaryFolder();
  await writeFile(join(folder, 'ca.pem'), authority.rootPem);
  const put = (name: string, Port: number, options: string): string =>
    registry.register({
      ...{ ID: name, Name: name, Address: '127.0.0.1', Port },
      Tags: [`fairlead:${name}.test/ servername=shop.test ${options}`],
    });
  for (const [name, certificate] of Object.entries(certificates)) {
    const front = await startTlsFront(backend.port, certificate);
    endings.push(() => front.close());
    put(name, front.port, 'proto=https');
    put(`${name}-insecure`, front.port, 'proto=https insecure');
    if (name === 'good') put('h1-as-h2', front.port, 'proto=h2');
  }
  const [rude, silent] = [
    await startRude((socket) => socket.resetAndDestroy()),
    await startRude((socket) => socket.end()),
  ];
  for (const protocol of ['https', 'h2']) {
    put(`reset-${protocol}`, rude, `proto=${protocol}`);
    put(`closed-${protocol}`, silent, `proto=${protocol}`);
  }
  put('h2', h2.port, 'proto=h2 check=/health,500ms');
  site = await startSite({
    consul: registry.url,
    config: `upstreamTls: { caFile: ${folder}/ca.pem }\nbalance: { slowStart: 0s }\n`,
  });
}, 30_000);
afterAll(async () => {
  await site?.stop();
  for (const end of endings.reverse()) await end();
  await h2?.close();
  await backend?.kill();
  await registry?.close();
  await rm(folder, { recursive: true, force: true });
});

interface Told {
  readonly level: string;
  readonly msg: string;
  readonly route?: string;
  readonly detail?: { readonly endpoint: string; readonly fault: string; readonly reason: string };
}

const told = (): readonly Told[] => site.child.stderr.map((line) => JSON.parse(line) as Told);

describe('an instance whose certificate', () => {
  test.each([
    ['expired', 'certificate', /expired/],
    ['early', 'certificate', /not yet valid/],
    ['other', 'certificate', /shop\.test.*other\.test/],
    ['strange', 'certificate', /unable to|self.signed/],
    ['reset-https', 'handshake', /ECONNRESET/],
    ['reset-h2', 'handshake', /ECONNRESET/],
    ['closed-https', 'handshake', /disconnected before secure/],
    ['closed-h2', 'handshake', /disconnected before secure/],
    ['h1-as-h2', /protocol|handshake/, /HTTP\/2|application protocol/i],
  ] as const)('is "%s" is answered 502, counted, and told with the reason', async (name, fault, reason) => {
    const before = await site.metric(FAILURES);
    const answer = await site.get(`${name}.test`);
    expect([answer.status, answer.headers.get('x-fairlead-reason')]).toEqual([502, 'connect_failed']);
    expect(answer.body).not.toMatch(/certificate|127\.0\.0\.1/);
    await eventually(async () => expect(await site.metric(FAILURES)).toBeGreaterThan(before));
    const line = await eventually(
      () => told().find(({ detail }) => detail?.endpoint.startsWith(`${name}@`)) ?? false,
    );
    expect(line).toMatchObject({ level: 'warn', msg: 'TLS with an instance failed' });
    expect(line.detail!.fault).toMatch(fault);
    expect(line.detail!.reason).toMatch(reason);
    const { fault: label } = line.detail!;
    expect(await site.metric(FAILURES, { reason: label })).toBeGreaterThan(0);
  });

  test('is good is asked, and no failure is counted', async () => {
    const before = await site.metric(FAILURES);
    expect((await site.get('good.test')).body).toBe('b1');
    expect(await site.metric(FAILURES)).toBe(before);
  });
});

test('a route that says insecure takes any certificate, and each such route is warned of', async () => {
  const names = ['expired', 'early', 'other', 'strange'].map((name) => `${name}-insecure`);
  for (const name of names) expect((await site.get(`${name}.test`)).body).toBe('b1');
  const warned = told().filter(({ msg }) => /certificates of the instances .* not verified/.test(msg));
  const routes = warned.map(({ level, route }) => `${level} ${route}`);
  expect(routes.toSorted()).toEqual(
    [...names, 'good-insecure'].map((name) => `warn ${name}.test/`).toSorted(),
  );
});

test('the check of an instance with HTTP/2 speaks HTTP/2, and what it says counts', async () => {
  expect((await site.get('h2.test')).body).toBe('h2');
  const checks = () => h2.requests.filter((each) => each.header('user-agent') === 'fairlead-check');
  await eventually(() => checks().length > 0);
  expect(checks()[0]!.header(':path')).toBe('/health');
  const usual = h2.handler;
  h2.handler = (stream) => {
    stream.respond({ ':status': 503 });
    stream.end();
  };
  const standing = async (): Promise<unknown> => {
    const { routes } = await site.routes();
    return routes.find(({ id }) => id === 'h2.test/')?.checks?.[0];
  };
  await eventually(async () =>
    expect(await standing()).toMatchObject({ state: 'down', output: 'status 503' }),
  );
  expect((await site.get('h2.test')).headers.get('x-fairlead-reason')).toBe('no_healthy_instance');
  h2.handler = usual;
  await eventually(async () => expect((await site.get('h2.test')).body).toBe('h2'));
});
