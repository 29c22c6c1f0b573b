/** Thousands of connections that are passed on by one worker: what they cost, and that nothing of them stays. */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startRegistry } from '../../../src/embedded/registry.ts';
import { accepts, freePorts } from '../../support/ports.ts';
import { eventually, startFairlead } from '../../support/process.ts';
import { note, temporaryFolder } from '../site.ts';

const CONNECTIONS = 5_000;
const MAX_IDLE_BYTES = 10 * 1024;

const residentBytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;
const descriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

interface Client {
  readonly socket: Socket;
  heard: string;
}

/** Clients that have said something and heard it back. */
async function talk(port: number, count: number): Promise<Client[]> {
  const clients = Array.from({ length: count }, (_, index) => {
    const client: Client = { socket: connect(port, '127.0.0.1'), heard: '' };
    client.socket.on('data', (bytes) => {
      client.heard += bytes.toString('latin1');
    });
    client.socket.on('error', () => {});
    client.socket.write(`client ${index}`);
    return client;
  });
  await eventually(
    () => expect(clients.filter(({ heard }, index) => heard !== `client ${index}`)).toEqual([]),
    { timeoutMs: 30_000 },
  );
  return clients;
}

test(`${CONNECTIONS} connections at once in one worker`, { timeout: 90_000 }, async () => {
  const folder = await temporaryFolder();
  const config = join(folder, 'fairlead.yaml');
  const [port = 0, admin] = await freePorts(2);
  const echo = createServer((socket) => void socket.on('error', () => {}).pipe(socket));
  await once(echo.listen(0, '127.0.0.1'), 'listening');
  const registry = await startRegistry();
  const lines = [
    `admin: { address: "127.0.0.1:${admin}" }`,
    `consul: { address: "${registry.url}" }`,
    'tcp: { address: 127.0.0.1 }',
    `routes: [{ rule: "tcp:${port}", to: ["127.0.0.1:${(echo.address() as AddressInfo).port}"] }]`,
    'listeners: {}',
    'workers: 1',
  ];
  await writeFile(config, lines.join('\n'));
  const child = await startFairlead(['run', '--config', config], { cwd: folder, admin: admin! });
  const { pid } = child;
  const clients: Client[] = [];
  try {
    await eventually(() => accepts(port), { timeoutMs: 20_000 });
    for (const { socket } of await talk(port, 500)) socket.destroy();
    await eventually(() => expect(descriptors(pid)).toBeLessThan(100));
    const before = { resident: residentBytes(pid), descriptors: descriptors(pid) };

    for (let i = 0; i < CONNECTIONS; i += 500) clients.push(...(await talk(port, 500)));
    const each = (residentBytes(pid) - before.resident) / CONNECTIONS;
    note(`${(each / 1024).toFixed(1)} KiB for each of ${CONNECTIONS} connections`);
    expect(each).toBeLessThan(MAX_IDLE_BYTES);
    expect(descriptors(pid)).toBeGreaterThan(2 * CONNECTIONS);
    // All of them are alive.
    for (const { socket } of clients) socket.write('!');
    await eventually(() => clients.every(({ heard }) => heard.endsWith('!')), { timeoutMs: 30_000 });

    for (const { socket } of clients) socket.resetAndDestroy();
    await eventually(() => expect(descriptors(pid)).toBeLessThanOrEqual(before.descriptors), {
      timeoutMs: 30_000,
    });
  } finally {
    for (const { socket } of clients) socket.destroy();
    await child.stop();
    await registry.close();
    echo.close();
    await rm(folder, { recursive: true, force: true });
  }
});
