import { afterEach, describe, expect, test } from 'vitest';
import { Book, type View } from '../../../../src/control/acme/book.ts';
import { createKey } from '../../../../src/control/acme/certificate-facts.ts';
import type { CertificateRecord } from '../../../../src/control/acme/records.ts';
import { sweep } from '../../../../src/control/acme/sweep.ts';
import { type Store, StoreError } from '../../../../src/control/store/store.ts';
import { acmeConfig, type Replica, startReplica } from '../../../support/acme-site.ts';
import { selfSigned } from '../../../support/fake-authority.ts';
import { memoryStore } from '../../../support/memory-store.ts';
import { eventually } from '../../../support/process.ts';

// Nobody listens there: what is served here was there before.
const directory = 'https://127.0.0.1:1/dir';
const day = 86_400_000;
const config = acmeConfig({ directory, caFile: '' }, { caFile: null });

async function record(name: string, notAfter = Date.now() + day): Promise<CertificateRecord> {
  const keyPem = await createKey('ec256');
  const certPem = await selfSigned(keyPem, [name], new Date(notAfter));
  return {
    id: name,
    names: [name],
    certPem,
    keyPem,
    notBefore: Date.now() - day,
    notAfter,
    fence: 7,
    certId: null,
  };
}

/** A shared store that is away. */
function absentStore(): Store {
  const away = (): Promise<never> => Promise.reject(new StoreError('unavailable', 'away'));
  return {
    ...{ get: away, put: away, delete: away, list: away, lock: away },
    watch: (_, watcher) => watcher.onFault?.('away'),
    close: async () => {},
  };
}

describe('certificates that are held', () => {
  const replicas: Replica[] = [];
  afterEach(() => Promise.all(replicas.splice(0).map(({ manager }) => manager.stop())));

  async function replica(store: Store, localStore: Store | null): Promise<Replica> {
    const started = await startReplica(config, store, { localStore });
    replicas.push(started);
    return started;
  }

  test('are served from this machine while the shared store is away', async () => {
    const local = memoryStore();
    const kept = await record('a.example.com');
    await new Book(local, directory).write('certificate', kept.id, kept);
    const one = await replica(absentStore(), local);
    expect(one.of('a.example.com')?.certPem).toBe(kept.certPem);
  });

  test('wait a second, not longer, for a shared store that says nothing', async () => {
    const local = memoryStore();
    const kept = await record('a.example.com');
    await new Book(local, directory).write('certificate', kept.id, kept);
    const begun = performance.now();
    const one = await replica({ ...absentStore(), watch: () => {} }, local);
    expect(one.of('a.example.com')?.certPem).toBe(kept.certPem);
    expect(performance.now() - begun).toBeGreaterThan(900);
  });

  test('and the challenges of other replicas are there when a start has ended', async () => {
    const [shared, local] = [memoryStore(), memoryStore()];
    const [token, keyAuthorization] = ['t'.repeat(20), 't.thumbprint'];
    await new Book(shared, directory).write('challenge', token, {
      ...{ type: 'http-01', token, name: 'a.example.com', keyAuthorization, certificate: null },
      expiresAt: Date.now() + day,
    });
    const slow: Store = {
      ...shared,
      watch: (...given) => void setTimeout(() => shared.watch(...given), 150),
    };
    const one = await replica(slow, local);
    expect(one.challenges.http.get(token)).toBe(keyAuthorization);
  });

  test('are copied to this machine when the shared store has new ones', async () => {
    const [shared, local] = [memoryStore(), memoryStore()];
    const one = await replica(shared, local);
    const fresh = await record('b.example.com');
    await new Book(shared, directory).write('certificate', fresh.id, fresh);
    await eventually(() => expect(one.of('b.example.com')?.certPem).toBe(fresh.certPem));
    const copied = async () => (await new Book(local, directory).read('certificate', fresh.id))?.record;
    await eventually(async () => expect(await copied()).toEqual(fresh));
  });

  test('move to a new shared store, where fencing begins anew', async () => {
    const [shared, local] = [memoryStore(), memoryStore()];
    const kept = await record('c.example.com');
    await new Book(local, directory).write('certificate', kept.id, kept);
    await replica(shared, local);
    const moved = async () => (await new Book(shared, directory).read('certificate', kept.id))?.record;
    await eventually(async () => expect(await moved()).toEqual({ ...kept, fence: 0 }));
  });

  test('are served although a record beside them makes no sense', async () => {
    const shared = memoryStore();
    const book = new Book(shared, directory);
    const good = await record('d.example.com');
    await book.write('certificate', good.id, good);
    const [entry] = await shared.list('acme/');
    await shared.put(entry!.key.replace('d.example', 'e.example'), '{"half":');
    const one = await replica(shared, null);
    await eventually(() => expect(one.of('d.example.com')).toBeDefined());
    expect(one.log.join('\n')).toContain('certificate/e.example.com cannot be read');
    await expect(book.read('certificate', 'e.example.com')).rejects.toThrow('cannot be read');
  });
});

test('what nobody needs any more is removed, and nothing else', async () => {
  const store = memoryStore();
  const book = new Book(store, directory);
  const now = Date.now();
  for (const [id, notAfter] of [
    ['old.example.com', now - 8 * day],
    ['wanted.example.com', now - 8 * day],
    ['fresh.example.com', now - day],
  ] as const) {
    await book.write('certificate', id, await record(id, notAfter));
  }
  const attempts = {
    failures: 1,
    nextAt: now - 8 * day,
    at: 0,
    problem: { type: '', detail: '', status: 0 },
  };
  await book.write('attempts', 'gone.example.com', attempts);
  await book.write('attempts', 'wanted.example.com', attempts);
  const challenge = { type: 'http-01', name: 'x', keyAuthorization: 'x', certificate: null } as const;
  await book.write('challenge', 'a'.repeat(20), {
    ...challenge,
    token: 'a'.repeat(20),
    expiresAt: now - day,
  });
  await book.write('challenge', 'b'.repeat(20), {
    ...challenge,
    token: 'b'.repeat(20),
    expiresAt: now + day,
  });
  const life = new AbortController();
  const view = await new Promise<View>((resolve) => book.watch(resolve, () => {}, life.signal));
  life.abort();
  await sweep(book, view, new Set(['wanted.example.com']), now);
  const left = (await store.list('acme/')).map(({ key }) => key.split('/').slice(2).join('/'));
  expect(left).toEqual([
    'attempts/wanted.example.com',
    'certificate/fresh.example.com',
    'certificate/wanted.example.com',
    `challenge/${'b'.repeat(20)}`,
  ]);
});
