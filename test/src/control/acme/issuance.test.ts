import { X509Certificate } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { AcmeConfig } from '../../../../src/config/acme.ts';
import {
  acmeConfig,
  type Replica,
  type Responder,
  startReplica,
  startResponder,
} from '../../../support/acme-site.ts';
import { memoryStore } from '../../../support/memory-store.ts';
import { type Pebble, skipPebble, startPebble } from '../../../support/pebble.ts';
import { eventually } from '../../../support/process.ts';

const PATIENCE = { timeoutMs: 15_000 };

describe.skipIf(skipPebble)('against a strict authority that refuses nonces', () => {
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

  test('http-01: each wanted name gets a certificate of its own', async () => {
    const { manager, ...one } = await replica();
    const names = ['a.example.com', 'b.example.com', 'c.example.com'];
    manager.want(names);
    const self = replicas[0]!;
    await eventually(() => expect(self.certificates).toHaveLength(3), PATIENCE).catch((e) => {
      throw new Error(`${e.message}\n${one.log.join('\n')}`);
    });
    for (const name of names) {
      const leaf = new X509Certificate(self.of(name)!.certPem);
      expect(leaf.subjectAltName).toBe(`DNS:${name}`);
      expect(leaf.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: 'prime256v1' });
    }
  });
});
