import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { AcmeConfig } from '../../../../src/config/acme.ts';
import type { HeldCertificate } from '../../../../src/control/acme/holdings.ts';
import { sealStore } from '../../../../src/control/store/sealed-store.ts';
import {
  acmeConfig,
  certificateFor,
  type Replica,
  type Responder,
  startReplica,
  startResponder,
} from '../../../support/acme-site.ts';
import { memoryStore } from '../../../support/memory-store.ts';
import { type Pebble, skipPebble, startPebble } from '../../../support/pebble.ts';
import { eventually, root } from '../../../support/process.ts';

const hmacKey = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W';

describe.skipIf(skipPebble)('against a strict authority that refuses a third of good nonces', () => {
  let pebble: Pebble;
  let responder: Responder;
  const replicas: Replica[] = [];

  beforeAll(async () => {
    pebble = await startPebble({ nonceReject: 30 });
    responder = await startResponder(pebble, () => replicas);
  });
  afterEach(async () => {
    await Promise.all(replicas.splice(0).map(({ manager }) => manager.stop()));
  });
  afterAll(async () => {
    await responder?.stop();
    await pebble?.stop();
  });

  async function replica(changes: Partial<AcmeConfig> = {}, store = memoryStore()): Promise<Replica> {
    const started = await startReplica(acmeConfig(pebble, changes), store);
    replicas.push(started);
    return started;
  }

  /** What is gone is not asked for challenges either. */
  async function stop(one: Replica): Promise<void> {
    replicas.splice(replicas.indexOf(one), 1);
    await one.manager.stop();
  }

  const dns = (): NonNullable<AcmeConfig['dns']> => ({
    command: [process.execPath, `${root}test/support/dns-hook.mjs`, pebble.dnsManagement],
    ...{ timeoutMs: 20_000, propagationMs: 0 },
  });
  const leafOf = (held: HeldCertificate): X509Certificate => new X509Certificate(held.certPem);

  test('http-01: each wanted name gets a certificate of its own, with its chain', async () => {
    const one = await replica();
    const names = ['a.example.com', 'b.example.com', 'c.example.com'];
    one.manager.want(names);
    for (const name of names) {
      const held = await certificateFor(one, name);
      expect(leafOf(held).subjectAltName).toBe(`DNS:${name}`);
      expect(leafOf(held).publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: 'prime256v1' });
      expect(held.certPem.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    }
    expect(one.manager.status().certificates.map(({ state }) => state)).toEqual(['valid', 'valid', 'valid']);
    await eventually(() => expect(one.challenges.http.size).toBe(0));
  });

  test('tls-alpn-01: the authority finds a certificate with its challenge', async () => {
    const one = await replica({ challenges: ['tls-alpn-01'] });
    one.manager.want(['alpn.example.com']);
    const held = await certificateFor(one, 'alpn.example.com');
    expect(leafOf(held).subjectAltName).toBe('DNS:alpn.example.com');
    expect(responder.asked).toContain('tls alpn.example.com');
    await eventually(() => expect(one.challenges.tls.size).toBe(0));
  });

  test('dns-01: a wildcard by the hook, and the hosts it covers need no other', async () => {
    const one = await replica({ challenges: ['dns-01'], dns: dns() });
    one.manager.want(['*.wild.example.com', 'a.wild.example.com', 'wild.example.com']);
    const wild = await certificateFor(one, '*.wild.example.com');
    await certificateFor(one, 'wild.example.com');
    expect(leafOf(wild).subjectAltName).toBe('DNS:*.wild.example.com');
    expect(one.manager.status().certificates.map(({ id }) => id)).toEqual([
      '_.wild.example.com',
      'wild.example.com',
    ]);
  });

  test('a hook that fails is reported in its own words, and cleans up', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fairlead-hook-'));
    const actions = join(folder, 'actions');
    const script = `echo "$1 $FAIRLEAD_ACME_VALUE" >> ${actions}; echo "no such zone" >&2; exit 3`;
    const command = ['/bin/sh', '-c', script, 'hook'];
    const one = await replica({ challenges: ['dns-01'], dns: { ...dns(), command } });
    one.manager.want(['hook.example.com']);
    const [status] = await failed(one);
    expect(status?.problem?.type).toBe('dns_hook');
    expect(status?.problem?.detail).toMatch(/present: ended with 3: no such zone/);
    // It may have set the record all the same.
    expect(readFileSync(actions, 'utf8')).toMatch(/^present (\S{43})\ncleanup \1\n$/);
    rmSync(folder, { recursive: true });
  });

  test.each([
    ['rsa2048', { modulusLength: 2048 }],
    ['ec384', { namedCurve: 'secp384r1' }],
  ] as const)('keys may be %s', async (keyType, details) => {
    const one = await replica({ keyType });
    one.manager.want([`${keyType}.example.com`]);
    const held = await certificateFor(one, `${keyType}.example.com`);
    expect(leafOf(held).publicKey.asymmetricKeyDetails).toMatchObject(details);
  });

  test('a restarted replica has account and certificates from the store and orders nothing', async () => {
    const plain = memoryStore();
    const open = () => sealStore(plain, Buffer.from('a secret of sixteen'));
    const before = await replica({ names: ['kept.example.com'] }, open());
    const { certPem } = await certificateFor(before, 'kept.example.com');
    await stop(before);
    const issued = pebble.issued();
    const accounts = await plain.list('acme/');
    expect(JSON.stringify(accounts)).not.toContain('PRIVATE KEY');
    const after = await replica({ names: ['kept.example.com', 'new.example.com'] }, open());
    await certificateFor(after, 'new.example.com');
    expect(after.of('kept.example.com')?.certPem).toBe(certPem);
    expect(pebble.issued()).toBe(issued + 1);
    const key = (entries: typeof accounts) =>
      entries.find((entry) => entry.key.includes('/account/'))?.version;
    expect(key(await plain.list('acme/'))).toBe(key(accounts));
  });

  test('a validation that fails is told as the authority tells it, and does not hold up the others', async () => {
    const one = await replica();
    const silence = replicas.splice(0);
    one.manager.want(['silent.example.com']);
    const [status] = await failed(one);
    replicas.push(...silence);
    expect(status).toMatchObject({
      ...{ id: 'silent.example.com', state: 'waiting', failures: 1, notAfter: null },
      problem: { type: 'unauthorized' },
    });
    expect(status?.problem?.detail).toMatch(/^silent\.example\.com by http-01: /);
    expect(status!.nextAttemptAt! - Date.now()).toBeGreaterThan(9_000);
    expect(one.log.join('\n')).toContain('no certificate was issued');
    expect(one.manager.errors.samples('type')).toEqual([{ value: 1, labels: { type: 'unauthorized' } }]);
    one.manager.want(['silent.example.com', 'loud.example.com']);
    await certificateFor(one, 'loud.example.com');
    expect(one.of('silent.example.com')).toBeUndefined();
  });

  test('the next attempt is not made sooner because of a restart', async () => {
    const store = memoryStore();
    const one = await replica({ names: ['patient.example.com'] }, store);
    const silence = replicas.splice(0);
    const [before] = await failed(one);
    replicas.push(...silence);
    await stop(one);
    const two = await replica({ names: ['patient.example.com', 'now.example.com'] }, store);
    await certificateFor(two, 'now.example.com');
    expect(two.manager.status().certificates[1]).toMatchObject({
      ...{ id: 'patient.example.com', state: 'waiting', failures: 1 },
      nextAttemptAt: before?.nextAttemptAt,
    });
  });

  test('names that cannot have a certificate are refused with the reason', async () => {
    const one = await replica();
    one.manager.want(['*.x.example.com', '10.0.0.1', 'printer.local', 'fine.example.com']);
    await certificateFor(one, 'fine.example.com');
    const refused = one.manager.status().certificates.filter(({ state }) => state === 'refused');
    expect(refused.map(({ id, problem }) => [id, problem?.detail])).toEqual([
      ['*.x.example.com', 'a wildcard needs the challenge dns-01'],
      ['10.0.0.1', 'an address, not a name'],
      ['printer.local', 'no public authority signs names below .local'],
    ]);
  });

  test('on demand: an allowed name is issued once, others are refused', async () => {
    const one = await replica({ onDemand: { allow: ['*.shops.example.com'], ask: null, namesPerHour: 1 } });
    expect(await one.manager.requestOnDemand('evil.example.com')).toMatchObject({ allowed: false });
    expect(await one.manager.requestOnDemand('A.shops.example.com')).toEqual({ allowed: true });
    await certificateFor(one, 'a.shops.example.com');
    expect(await one.manager.requestOnDemand('a.shops.example.com')).toEqual({ allowed: true });
    expect(await one.manager.requestOnDemand('b.shops.example.com')).toEqual({
      ...{ allowed: false, reason: 'too many new names in this hour' },
    });
  });

  async function failed(one: Replica) {
    return eventually(
      () => {
        const { certificates } = one.manager.status();
        return certificates.some(({ failures }) => failures > 0) && certificates;
      },
      { timeoutMs: 15_000 },
    );
  }
});

describe.skipIf(skipPebble)('against an authority that knows its customers', () => {
  test('an external account binding opens the account; without it the reason is plain', async () => {
    const pebble = await startPebble({ eab: { 'kid-1': hmacKey } });
    const replicas: Replica[] = [];
    const responder = await startResponder(pebble, () => replicas);
    const stranger = await startReplica(acmeConfig(pebble, { names: ['eab.example.com'] }), memoryStore());
    const problem = await eventually(() => stranger.manager.status().problem ?? false);
    expect(problem.type).toBe('externalAccountRequired');
    expect(stranger.manager.status().certificates[0]?.failures).toBe(0);
    await stranger.manager.stop();

    const eab = { kid: 'kid-1', hmacKey };
    const known = await startReplica(acmeConfig(pebble, { names: ['eab.example.com'], eab }), memoryStore());
    replicas.push(known);
    await certificateFor(known, 'eab.example.com');
    await known.manager.stop();
    await responder.stop();
    await pebble.stop();
  });
});
