import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import type { Log } from '../../../src/control/log.ts';
import { TlsControl } from '../../../src/control/tls.ts';
import type { ToWorker } from '../../../src/shared/messages.ts';

test('rules that have changed reach the workers that run, and those that are started later', async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'fairlead-tls-'));
  const loaded = loadConfig({ flags: {}, env: {}, cwd });
  if (!loaded.ok) throw new Error('the defaults are not valid');
  const { config } = loaded;
  const sent: ToWorker[] = [];
  const control = new TlsControl({
    ...{ config, localCa: null, log: {} as Log, onConsulError() {}, listening: Promise.resolve() },
    broadcast: (message) => void sent.push(message),
  });
  const clientAuth = [{ hosts: ['a.test'], caPem: 'CA', mode: 'required' as const }];
  const rules = { clientAuth, hsts: 'max-age=1', redirectPort: 4443 };
  const { listeners } = config;
  control.reconfigure({ ...config, tls: { ...config.tls, ...rules, strict: true } }, listeners);
  const message = { type: 'tls', tls: { ...rules, tellsUnknownNames: false } };
  expect(sent).toEqual([message]);
  expect(control.greeting(listeners)[0]).toEqual(message);
  expect(control.clientAuth).toBe(clientAuth);
  await control.close();
  await rm(cwd, { recursive: true });
});
