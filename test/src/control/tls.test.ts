/** Where certificates, challenges and rules of TLS meet the workers. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Config } from '../../../src/config/config.ts';
import { Book } from '../../../src/control/acme/book.ts';
import type { Log } from '../../../src/control/log.ts';
import { openSqliteStore } from '../../../src/control/store/sqlite-store.ts';
import { TlsControl } from '../../../src/control/tls.ts';
import type { ToWorker } from '../../../src/shared/messages.ts';
import { freePort } from '../../support/ports.ts';
import { eventually } from '../../support/process.ts';
import { configOf } from '../config/loading.ts';

const DIRECTORY = 'https://127.0.0.1:1/dir';
const ACME = `tls: { acme: { directory: "${DIRECTORY}", store: file, email: a@example.com } }`;
const log = { info() {}, warn() {}, error() {}, debug() {} } as unknown as Log;

let home: string;
let sent: ToWorker[];
let control: TlsControl;
let config: Config;
const life = { stop: new AbortController() };

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'fairlead-tls-'));
  sent = [];
  life.stop = new AbortController();
});
afterEach(async () => {
  life.stop.abort();
  await control.close();
  await rm(home, { recursive: true });
});

function begin(yaml: string): void {
  config = { ...configOf({ yaml }), dataDir: join(home, 'data') };
  control = new TlsControl({
    ...{ config, localCa: null, log, onConsulError() {}, listening: new Promise(() => {}) },
    broadcast: (message) => void sent.push(message),
  });
}

test('rules that have changed reach the workers that run, and those that are started later', () => {
  begin('');
  const clientAuth = [{ hosts: ['a.test'], caPem: 'CA', mode: 'required' as const }];
  const rules = { clientAuth, hsts: 'max-age=1', redirectPort: 4443 };
  const { listeners } = config;
  control.reconfigure({ ...config, tls: { ...config.tls, ...rules, strict: true } }, listeners);
  const message = { type: 'tls', tls: { ...rules, tellsUnknownNames: false } };
  expect(sent).toEqual([message]);
  expect(control.greeting(listeners)[0]).toEqual(message);
  expect(control.clientAuth).toBe(clientAuth);
});

test('a challenge in the store reaches the workers that run, and those that are started later', async () => {
  begin(ACME);
  await control.start(life.stop.signal);
  const store = openSqliteStore(config.dataDir);
  const token = 'token-of-a-replica';
  await new Book(store, DIRECTORY).write('challenge', token, {
    ...{ type: 'http-01', token, name: 'a.example.com', keyAuthorization: `${token}.thumb` },
    ...{ certificate: null, expiresAt: Date.now() + 60_000 },
  });
  const message = {
    type: 'challenges',
    tokens: [{ token, keyAuthorization: `${token}.thumb` }],
    certificates: [],
  };
  await eventually(() => expect(sent).toContainEqual(message));
  expect(control.greeting(config.listeners)).toContainEqual(message);
  await store.close();
});

test('a store that cannot be opened is listed, and the start goes on', async () => {
  await writeFile(join(home, 'data'), 'no folder');
  begin(ACME);
  await control.start(life.stop.signal);
  const listed = control.certificates.refused.filter(({ source }) => source === 'acme');
  expect(listed).toEqual([{ source: 'acme', reason: expect.stringMatching(/^the file store: /) }]);
});

test('the end lets go of every file', async () => {
  const nobody = await freePort();
  begin(`${ACME.slice(0, -2)}, certificates: [{ redis: { url: "redis://127.0.0.1:${nobody}" } }] }`);
  await mkdir(config.dataDir);
  await control.start(life.stop.signal);
  const open = () =>
    ['shared', 'certificates'].map((name) => existsSync(join(config.dataDir, `${name}.sqlite-wal`)));
  expect(open()).toEqual([true, true]);
  life.stop.abort();
  await control.close();
  expect(open()).toEqual([false, false]);
});
