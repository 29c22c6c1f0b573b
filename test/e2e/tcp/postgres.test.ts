/** PostgreSQL behind a port that follows the catalog, and behind a TLS name. */
import { connect } from 'node:net';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { skipConsul } from '../../support/consul.ts';
import { type Postgres, startPostgres } from '../../support/postgres.ts';
import { eventually } from '../../support/process.ts';
import { register, setCheck } from '../site.ts';
import { consul, publicPort, site, stage, unrelatedChanges } from './stage.ts';

/** PostgreSQL, "Message Formats", CancelRequest. */
const CANCEL_REQUEST = 80_877_102;
const NAME = 'pg.fairlead.test';

describe.skipIf(skipConsul)('PostgreSQL', () => {
  stage('timeouts: { drain: 1s }');
  let servers: Postgres[];
  let port: number;
  let tlsPort: number;

  beforeAll(async () => {
    servers = await startPostgres(['a', 'b'], NAME);
    [port, tlsPort] = [await publicPort(), await publicPort()];
    for (const { name, port: own } of servers) {
      const tags = [`fairlead:tcp:${port} balance=hash:ip`, `fairlead:sni:${NAME}:${tlsPort}`];
      await register(consul, { name: 'pg', id: name, port: own, tags });
    }
    await eventually(async () => expect((await connected()).name).toMatch(/^[ab]$/), { timeoutMs: 10_000 });
  });

  afterAll(async () => {
    for (const server of servers ?? []) await server.stop();
  });

  async function connected(options: object = {}): Promise<{ client: Client; name: string; pid: number }> {
    const client = new Client({
      host: '127.0.0.1',
      port,
      user: 'postgres',
      database: 'postgres',
      ...options,
    });
    client.on('error', () => {});
    await client.connect();
    opened.push(client);
    const { rows } = await client.query(
      `select current_setting('cluster_name') as name, pg_backend_pid() as pid`,
    );
    return { client, ...(rows[0] as { name: string; pid: number }) };
  }
  const opened: Client[] = [];
  afterAll(async () => {
    for (const client of opened) await client.end().catch(() => {});
  });

  test('a session and new ones work while a hundred other things change', async () => {
    const { client, pid } = await connected();
    const changes = unrelatedChanges(100).then(() => true);
    let isOver = false;
    void changes.then(() => {
      isOver = true;
    });
    let queries = 0;
    while (!isOver) {
      const { rows } = await client.query('select pg_backend_pid() as pid, $1::int as n', [++queries]);
      expect(rows).toEqual([{ pid, n: queries }]);
      if (queries % 20 === 0) await (await connected()).client.end();
    }
    await changes;
    expect(queries).toBeGreaterThan(20);
  });

  test('a large result arrives whole', async () => {
    const { client } = await connected();
    const { rows } = await client.query(`select repeat('x', 1000) as x from generate_series(1, 20000)`);
    expect(rows.length).toBe(20_000);
    expect(rows.every(({ x }: { x: string }) => x.length === 1000)).toBe(true);
  });

  test('a cancel request reaches the server that runs the query, where an address keeps its server', async () => {
    const { client, pid } = await connected();
    const slow = client.query('select pg_sleep(20)');
    const { client: other } = await connected();
    await eventually(async () => {
      const { rows } = await other.query(
        `select 1 from pg_stat_activity where pid = ${pid} and state = 'active'`,
      );
      expect(rows.length).toBe(1);
    });
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
    const request = Buffer.alloc(16);
    request.writeInt32BE(16, 0);
    request.writeInt32BE(CANCEL_REQUEST, 4);
    request.writeInt32BE(processID, 8);
    request.writeInt32BE(secretKey, 12);
    connect(port, '127.0.0.1').end(request);
    await expect(slow).rejects.toThrow('canceling statement due to user request');
  });

  test('TLS by name: asked for in PostgreSQL’s way, ended by the server itself', async () => {
    const { client } = await connected({
      port: tlsPort,
      ssl: { servername: NAME, rejectUnauthorized: false },
    });
    const { rows } = await client.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
    expect(rows).toEqual([{ ssl: true }]);
    const stranger = new Client({
      ...{ host: '127.0.0.1', port: tlsPort, user: 'postgres' },
      ssl: { servername: 'other.test', rejectUnauthorized: false },
    });
    await expect(stranger.connect()).rejects.toThrow(/unrecognized name|socket/i);
  });

  test('when its instance turns critical, a session may finish and the next is elsewhere', async () => {
    const { client, name } = await connected();
    const other = name === 'a' ? 'b' : 'a';
    await setCheck(consul, name, 'critical');
    await eventually(async () => expect((await connected()).name).toBe(other));
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await eventually(async () => {
      await expect(client.query('select 1')).rejects.toThrow();
    });
    await setCheck(consul, name, 'passing');
    await eventually(async () => expect((await connected()).name).toBe(name));
    expect(await site.metric('fairlead_tcp_connections_total', { reason: 'drained' })).toBeGreaterThan(0);
  });
});
