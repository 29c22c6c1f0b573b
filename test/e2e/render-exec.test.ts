/** HAProxy as the renderer's own child, beside a file of the operator's: told by a signal only what its socket cannot do. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RuntimeSocket } from '../../src/render/builtin/haproxy-socket.ts';
import { haproxyBinary } from '../provision.ts';
import { startBackend } from '../support/backend.ts';
import { get } from '../support/client.ts';
import { skipConsul, startConsul } from '../support/consul.ts';
import { freePort } from '../support/ports.ts';
import { eventually, startFairlead } from '../support/process.ts';
import { register, registerBackend, setCheck, temporaryFolder } from './site.ts';

test.skipIf(skipConsul)(
  'a child is started with the first file and reloaded only when it has to be',
  async () => {
    const [consul, folder, port] = await Promise.all([startConsul(), temporaryFolder(), freePort()]);
    const backends = await Promise.all([startBackend({ name: 'a' }), startBackend({ name: 'b' })]);
    for (const backend of backends) await registerBackend(consul, 'web', backend, ['fairlead:a.test/']);
    await writeFile(join(folder, 'own.cfg'), 'global\n  maxconn 500\n');
    const haproxy = await haproxyBinary();
    const renderer = await startFairlead(
      [
        ...['render', '-consul-addr', new URL(consul.url).host, '-data', 'data'],
        ...['-builtin', 'haproxy=routes.cfg', '-haproxy-socket', 'runtime.sock'],
        ...['-check', `${haproxy} -c -f own.cfg -f $FAIRLEAD_FILE`],
        ...['-exec', `exec ${haproxy} -W -db -f own.cfg -f routes.cfg`, '-exec-reload-signal', 'USR2'],
      ],
      { cwd: folder, env: { FAIRLEAD_HTTP: `127.0.0.1:${port}` } },
    );
    const socket = new RuntimeSocket(join(folder, 'runtime.sock'));
    const worker = async () => /^Pid: (\d+)$/m.exec(await socket.send(['show info']))?.[1];
    const bodyOf = async (host: string) => (await get(port, { host })).body;

    await eventually(async () => expect(await bodyOf('a.test')).toMatch(/^[ab]$/), { timeoutMs: 20_000 });
    expect(await socket.send(['show info'])).toContain('Maxconn: 500');
    const first = await worker();
    await setCheck(consul, 'a', 'critical');
    await eventually(async () => {
      for (let i = 0; i < 4; i++) expect(await bodyOf('a.test')).toBe('b');
    });
    expect(await worker()).toBe(first);
    await register(consul, { name: 'shop', port: backends[0].port, tags: ['fairlead:shop.test/'] });
    await eventually(async () => expect(await bodyOf('shop.test')).toBe('a'), { timeoutMs: 10_000 });
    expect(await worker()).not.toBe(first);

    await renderer.stop('SIGTERM');
    await Promise.all([...backends.map((each) => each.close()), consul.stop()]);
    await rm(folder, { recursive: true });
  },
);
