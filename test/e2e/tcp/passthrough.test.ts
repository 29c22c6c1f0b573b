/** TLS that nginx ends itself, behind a port of server names that follows the catalog. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestCa } from '../../support/certificates.ts';
import { skipConsul } from '../../support/consul.ts';
import { type Nginx, startNginx } from '../../support/nginx.ts';
import { freePorts } from '../../support/ports.ts';
import { eventually } from '../../support/process.ts';
import { note, register, setCheck, timeUntil } from '../site.ts';
import { consul, publicPort, site, stage, unrelatedChanges } from './stage.ts';

const ONE = 'one.fairlead.test';
const TWO = 'two.fairlead.test';
/** Whose name each server has. */
const SERVERS = { 'one-a': ONE, 'one-b': ONE, 'two-a': TWO } as const;

describe.skipIf(skipConsul)('TLS passed on', () => {
  stage();
  const servers: Nginx[] = [];
  let folder: string;
  let port: number;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-tls-'));
    port = await publicPort();
    const own = await freePorts(3);
    const ca = await createTestCa();
    for (const [i, [id, name]] of Object.entries(SERVERS).entries()) {
      const { keyPem, certPem } = await ca.issue([name]);
      await writeFile(join(folder, `${id}.key`), keyPem);
      await writeFile(join(folder, `${id}.crt`), certPem);
      const config = ({ port: listen }: { port: number }): string =>
        `server { listen 127.0.0.1:${listen} ssl; ssl_certificate ${folder}/${id}.crt;
        ssl_certificate_key ${folder}/${id}.key; return 200 "${id} $ssl_server_name"; }`;
      servers.push(await startNginx({ port: own[i]!, config }));
      const tags = [`fairlead:sni:${name}:${port}`];
      await register(consul, { name: id.slice(0, 3), id, port: own[i]!, tags });
    }
    for (const name of [ONE, TWO])
      await eventually(async () => expect(await ask(name)).toContain(name), { timeoutMs: 10_000 });
  });

  afterAll(async () => {
    for (const server of servers) await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** A connection of its own whose certificate is the server's: who answered, and the name it was asked for. */
  async function ask(name: string): Promise<string> {
    const client = connectTls({ port, host: '127.0.0.1', servername: name, rejectUnauthorized: false });
    let text = '';
    client.on('data', (bytes) => {
      text += bytes;
    });
    client.write('GET / HTTP/1.0\r\n\r\n');
    await once(client, 'end');
    expect(client.getPeerCertificate().subject.CN).toBe(name);
    return text.slice(text.indexOf('\r\n\r\n') + 4);
  }

  test('each name reaches its own servers while a hundred other things change', async () => {
    let isOver = false;
    const changes = unrelatedChanges(100).finally(() => {
      isOver = true;
    });
    const seen = new Set<string>();
    while (!isOver) for (const name of [ONE, TWO]) seen.add(await ask(name));
    await changes;
    expect([...seen].sort()).toEqual([`one-a ${ONE}`, `one-b ${ONE}`, `two-a ${TWO}`]);
    await expect(ask('three.fairlead.test')).rejects.toThrow(/unrecognized name/i);
  });

  test('a server that turns critical gets no further handshake, and no client notices', async () => {
    await eventually(async () => expect(await site.active('one')).toEqual(['one-a', 'one-b']));
    await setCheck(consul, 'one-a', 'critical');
    const isGone = async (): Promise<boolean> => {
      // Every one of them is answered.
      expect(await ask(ONE)).toContain(ONE);
      return (await site.active('one')).join() === 'one-b';
    };
    const ms = await timeUntil(isGone, 5_000, 'the other server');
    note(`the other server alone after ${ms.toFixed(0)} ms`);
    for (let i = 0; i < 20; i++) expect(await ask(ONE)).toBe(`one-b ${ONE}`);
    await setCheck(consul, 'one-a', 'passing');
    await eventually(async () => expect(await ask(ONE)).toBe(`one-a ${ONE}`), { timeoutMs: 10_000 });
  });

  test('a server that dies unseen is passed over', async () => {
    await eventually(async () => expect(await site.active('one')).toEqual(['one-a', 'one-b']));
    await servers[0]!.stop();
    for (let i = 0; i < 20; i++) expect(await ask(ONE)).toBe(`one-b ${ONE}`);
  });
});
