/** Certificates of a running router: what its API, its metrics and its log say while they change. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestCa, type Issued, type TestCa } from '../support/certificates.ts';
import { freePorts } from '../support/ports.ts';
import { type Child, eventually, startFairlead } from '../support/process.ts';

interface View {
  readonly certificates: readonly { names: string[]; source: string; default: boolean }[];
  readonly refused: readonly { source: string; reason: string }[];
}

let ca: TestCa;
let folder: string;
let router: Child;
let admin: number;

beforeAll(async () => {
  ca = await createTestCa();
  folder = mkdtempSync(join(tmpdir(), 'fairlead-e2e-certs-'));
  put('a', await ca.issue(['a.test']));
  const [http, adminPort] = await freePorts(2);
  admin = adminPort!;
  writeFileSync(
    join(folder, 'fairlead.yaml'),
    `consul: { address: "127.0.0.1:1" }
listeners: { web: { address: "127.0.0.1:${http}" } }
admin: { address: "127.0.0.1:${admin}" }
data: ./data
workers: 2
tls: { certificates: [{ folder: . }, { folder: ./nowhere }] }
`,
  );
  router = await startFairlead(['run'], { cwd: folder });
  await router.line(/"msg":"started"/);
});
afterAll(async () => {
  await router?.stop('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function put(name: string, { certPem, keyPem }: Issued): void {
  writeFileSync(join(folder, `${name}.pem`), keyPem + certPem);
}

const ask = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${admin}${path}`);

async function names(): Promise<readonly string[]> {
  const { certificates } = (await (await ask('/api/certificates')).json()) as View;
  return certificates.flatMap((each) => each.names).sort();
}

test('what is in the folder is served, renewed and refused while it runs, and nothing says a key', async () => {
  expect(await names()).toEqual(['a.test']);
  put('b', await ca.issue(['b.test', '*.b.test']));
  await eventually(async () => expect(await names()).toEqual(['*.b.test', 'a.test', 'b.test']));
  writeFileSync(join(folder, 'b.pem'), 'half of somethi');
  await eventually(async () => {
    const text = await (await ask('/api/certificates')).text();
    expect(text).not.toContain('PRIVATE KEY');
    const { certificates, refused } = JSON.parse(text) as View;
    expect(certificates.map((each) => [each.source, each.default])).toEqual([
      ['file a.pem', true],
      ['file b.pem', false],
    ]);
    expect(refused).toEqual([
      { source: 'file b.pem', reason: 'no private key; the one before is kept' },
      { source: 'folder nowhere', reason: 'there is no such folder' },
    ]);
  });
  const metrics = await (await ask('/metrics')).text();
  expect(metrics).toMatch(/^fairlead_tls_certificate_expiry_seconds\{name="a\.test"\} 77\d{5}$/m);
  expect(metrics).toMatch(/^fairlead_tls_certificates 2$/m);
  expect(metrics).toMatch(/^fairlead_tls_certificates_refused 2$/m);
  const log = router.stderr.filter((line) => line.includes('certificate'));
  expect(log.filter((line) => line.includes('"reason":"no private key'))).toHaveLength(1);
  expect(log.join()).not.toContain('PRIVATE KEY');
});
