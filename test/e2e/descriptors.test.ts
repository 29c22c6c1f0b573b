/** A router that runs out of descriptors. */
import { rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startRegistry } from '../../src/embedded/registry.ts';
import { get } from '../support/load.ts';
import { freePorts } from '../support/ports.ts';
import { eventually, root, start } from '../support/process.ts';
import { temporaryFolder } from './site.ts';

test('closes what comes, and serves again by itself when descriptors are free again (E09)', async () => {
  const folder = await temporaryFolder();
  const config = join(folder, 'fairlead.yaml');
  const [web, admin, nobody] = await freePorts(3);
  const registry = await startRegistry();
  // More connections than descriptors, so that it is the system that refuses.
  const lines = [
    'limits: { connections: 1000 }',
    `listeners: { web: { address: "127.0.0.1:${web}" } }`,
    `admin: { address: "127.0.0.1:${admin}" }`,
    `consul: { address: "${registry.url}" }`,
    `routes: [{ rule: a.test, to: ["127.0.0.1:${nobody}"] }]`,
    'workers: 1',
  ];
  await writeFile(config, lines.join('\n'));
  const program = [`${root}node_modules/.bin/node`, `${root}src/main.ts`, 'run', '--config', config];
  const child = await start('sh', ['-c', 'ulimit -n 100 && exec "$@"', 'sh', ...program], { cwd: folder });
  const sockets: Socket[] = [];
  const answer = async () => (await get(web!, { host: 'a.test' })).status;
  try {
    await eventually(async () => expect(await answer()).toBe(502), { timeoutMs: 20_000 });
    let closed = 0;
    for (let i = 0; i < 150; i++) {
      const socket = connect(web!, '127.0.0.1');
      socket.on('error', () => {});
      socket.on('close', () => closed++);
      socket.resume();
      sockets.push(socket);
    }
    await eventually(() => expect(closed).toBeGreaterThan(50));
    expect(closed).toBeLessThan(150);
    for (const socket of sockets) socket.destroy();
    await eventually(async () => expect(await answer()).toBe(502));
  } finally {
    for (const socket of sockets) socket.destroy();
    await child.stop();
    await registry.close();
    await rm(folder, { recursive: true, force: true });
  }
}, 40_000);
