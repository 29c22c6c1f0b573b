import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { runDnsHook } from '../../../../src/control/acme/dns-hook.ts';
import { createOnDemandGate, type OnDemandRules } from '../../../../src/control/acme/on-demand.ts';
import { eventually } from '../../../support/process.ts';
import { manualClock } from '../providers/manual-clock.ts';

const never = new AbortController().signal;

/** What Linux says of a process; empty when there is none. */
function statOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return '';
  }
}

describe('the DNS hook', () => {
  const shell = (script: string, timeoutMs = 10_000) => ({
    ...{ command: ['/bin/sh', '-c', script, 'hook'], timeoutMs, propagationMs: 0 },
  });

  test('gets the action as its last argument and the record by variables', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fairlead-hook-'));
    const file = join(folder, 'out');
    const script = `echo "$1 $FAIRLEAD_ACME_NAME $FAIRLEAD_ACME_VALUE $FAIRLEAD_ACME_DOMAIN" > ${file}`;
    await runDnsHook(shell(script), 'present', 'a.example.com', 'v; exit 1', never);
    expect(readFileSync(file, 'utf8')).toBe(
      'present _acme-challenge.a.example.com v; exit 1 a.example.com\n',
    );
    rmSync(folder, { recursive: true });
  });

  test('that takes too long is killed with all it started', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fairlead-hook-'));
    const file = join(folder, 'pid');
    const script = `sleep 30 & echo $! > ${file}; wait`;
    const hook = runDnsHook(shell(script, 500), 'present', 'a.example.com', 'v', never);
    await expect(hook).rejects.toThrow('no end after 500 ms');
    const pid = Number(readFileSync(file, 'utf8'));
    expect(pid).toBeGreaterThan(1);
    const isGone = (): boolean => /^\d+ \(sleep\) Z|^$/.test(statOf(pid));
    await eventually(isGone);
    rmSync(folder, { recursive: true });
  });

  test('is given up with the order', async () => {
    const life = new AbortController();
    const hook = runDnsHook(shell('sleep 30'), 'present', 'a.example.com', 'v', life.signal);
    life.abort();
    await expect(hook).rejects.toThrow('given up');
  });

  test('that does not exist is said so', async () => {
    const hook = { command: ['/nonexistent/hook'], timeoutMs: 1000, propagationMs: 0 };
    await expect(runDnsHook(hook, 'present', 'a.example.com', 'v', never)).rejects.toThrow('ENOENT');
  });
});

describe('names on demand', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  const rules = (changes: Partial<OnDemandRules>): OnDemandRules => ({
    ...{ allow: [], ask: null, namesPerHour: 10, privateNames: false },
    ...changes,
  });

  async function asked(
    answer: (domain: string) => number,
  ): Promise<{ readonly url: string; readonly names: string[] }> {
    const names: string[] = [];
    const server = createServer((request, response) => {
      const domain = new URL(request.url ?? '', 'http://x').searchParams.get('domain') ?? '';
      names.push(domain);
      response.writeHead(answer(domain)).end('whatever');
    }).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/allowed?key=1`, names };
  }

  test('patterns allow exact names and one label, nothing else', async () => {
    const gate = createOnDemandGate(rules({ allow: ['x.example.com', '*.shop.example.com'] }), manualClock());
    const permitted = async (name: string) => (await gate.permit(name, never)).allowed;
    for (const name of ['x.example.com', 'A.shop.example.com', 'b.shop.example.com.']) {
      expect(await permitted(name)).toBe(true);
    }
    for (const name of ['shop.example.com', 'a.b.shop.example.com', 'y.example.com', 'xshop.example.com']) {
      expect(await permitted(name)).toBe(false);
    }
    expect(await gate.permit('10.0.0.1', never)).toEqual({
      allowed: false,
      reason: 'an address, not a name',
    });
  });

  test('a question goes to the operator, and a refusal is remembered for a minute', async () => {
    const { url, names } = await asked((domain) => (domain === 'good.example.com' ? 200 : 403));
    const clock = manualClock();
    const gate = createOnDemandGate(rules({ ask: url }), clock);
    expect(await gate.permit('good.example.com', never)).toEqual({ allowed: true });
    const refused = { allowed: false, reason: 'tls.acme.onDemand.ask answered 403' };
    expect(await gate.permit('bad.example.com', never)).toEqual(refused);
    expect(await gate.permit('bad.example.com', never)).toEqual(refused);
    expect(names).toEqual(['good.example.com', 'bad.example.com']);
    await clock.advance(61_000);
    await gate.permit('bad.example.com', never);
    expect(names).toHaveLength(3);
  });

  test('whoever cannot be asked allows nothing and takes nothing back', async () => {
    const gate = createOnDemandGate(rules({ ask: 'http://127.0.0.1:1/' }), manualClock());
    expect(await gate.permit('a.example.com', never)).toMatchObject({ allowed: false });
    expect(await gate.isRevoked('a.example.com', never)).toBe(false);
    const { url } = await asked(() => 404);
    expect(
      await createOnDemandGate(rules({ ask: url }), manualClock()).isRevoked('a.example.com', never),
    ).toBe(true);
  });

  test('new names are limited per hour', async () => {
    const clock = manualClock();
    const gate = createOnDemandGate(rules({ allow: ['*.example.com'], namesPerHour: 2 }), clock);
    const outcomes = [];
    for (const name of ['a', 'b', 'c'])
      outcomes.push((await gate.permit(`${name}.example.com`, never)).allowed);
    expect(outcomes).toEqual([true, true, false]);
    expect((await gate.permit('a.example.com', never)).allowed).toBe(true);
    await clock.advance(3_600_001);
    expect((await gate.permit('c.example.com', never)).allowed).toBe(true);
  });

  test('many unknown names at once cost a few questions', async () => {
    const held: (() => void)[] = [];
    const server = createServer((_, response) => held.push(() => response.writeHead(403).end()));
    server.listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    const ask = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const gate = createOnDemandGate(rules({ ask }), manualClock());
    const all = Array.from({ length: 50 }, (_, i) => gate.permit(`n${i}.example.com`, never));
    await eventually(() => expect(held).toHaveLength(8));
    for (const release of held) release();
    expect((await Promise.all(all)).filter(({ allowed }) => allowed)).toEqual([]);
    expect(held).toHaveLength(8);
    // Nobody has said no to the ninth.
    const again = gate.permit('n9.example.com', never);
    await eventually(() => expect(held).toHaveLength(9));
    held[8]!();
    expect(await again).toMatchObject({ reason: 'tls.acme.onDemand.ask answered 403' });
  });
});
