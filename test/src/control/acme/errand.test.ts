import { describe, expect, test } from 'vitest';
import type { Authority } from '../../../../src/control/acme/authority.ts';
import { Book } from '../../../../src/control/acme/book.ts';
import { checkCertificate, createKey } from '../../../../src/control/acme/certificate-facts.ts';
import { type ErrandContext, runErrand } from '../../../../src/control/acme/errand.ts';
import { AcmeProblem } from '../../../../src/control/acme/problem.ts';
import { wallClock } from '../../../../src/control/acme/timing.ts';
import type { Store } from '../../../../src/control/store/store.ts';
import { acmeConfig } from '../../../support/acme-site.ts';
import { fakeAuthority, selfSigned } from '../../../support/fake-authority.ts';
import { memoryStore } from '../../../support/memory-store.ts';
import { eventually } from '../../../support/process.ts';

const plan = { id: 'a.example.com', names: ['a.example.com'] };
const directory = 'https://ca.test/dir';
const life = new AbortController().signal;

function context(store: Store, authority: Authority, lockMs = 60_000): ErrandContext {
  return {
    ...{ book: new Book(store, directory), clock: wallClock, lockMs },
    settings: acmeConfig({ directory, caFile: '' }),
    authority: async () => authority,
  };
}

/** A store whose locks cannot be renewed: what a replica sees that is cut off from it. */
function withoutRenewal(store: Store): Store {
  return {
    ...store,
    async lock(name, ttlMs) {
      const lease = await store.lock(name, ttlMs);
      return lease && { ...lease, lost: lease.lost, renew: () => Promise.reject(new Error('cut off')) };
    },
  };
}

describe('an errand', () => {
  test('is done once: the next one finds nothing to do', async () => {
    const store = memoryStore();
    const authority = fakeAuthority();
    expect(await runErrand(context(store, authority), plan, life)).toEqual({ kind: 'issued' });
    expect(await runErrand(context(store, authority), plan, life)).toEqual({ kind: 'nothing' });
    expect(authority.orders).toBe(1);
  });

  test.each([
    ['of an authority that offers none is over', null, 'advised'],
    ['that it refuses is over', { type: 'malformed', detail: '', status: 404 }, 'advised'],
    ['of one that is away is not', { type: 'unreachable', detail: '', status: 0 }, 'nothing'],
  ])('for advice %s', async (_, problem, kind) => {
    const store = memoryStore();
    const now = Date.now();
    const life90 = { notBefore: now - 5 * 3_600_000, notAfter: now + 90 * 86_400_000 };
    const pems = { certPem: 'certificate', keyPem: 'key' };
    const known = { ...plan, ...pems, ...life90, fence: 1, certId: 'key.serial' };
    await new Book(store, directory).write('certificate', plan.id, known);
    const answer = problem === null ? Promise.resolve(null) : Promise.reject(new AcmeProblem(problem));
    const authority = { ...fakeAuthority(), renewalInfo: () => answer };
    expect(await runErrand(context(store, authority), plan, life)).toEqual({ kind });
    const kept = await new Book(store, directory).read('advice', plan.id);
    expect(kept?.record.checkAt).toBeGreaterThan(now + 3_600_000);
  });

  test('is left to the replica that has the lock', async () => {
    const store = memoryStore();
    const lease = await new Book(store, directory).lock(plan.id, 60_000);
    const authority = fakeAuthority();
    expect(await runErrand(context(store, authority), plan, life)).toEqual({ kind: 'busy' });
    await lease!.release();
    expect(await runErrand(context(store, authority), plan, life)).toEqual({ kind: 'issued' });
  });

  test('of a replica that lost its lock never replaces what the next holder has written', async () => {
    const store = memoryStore();
    const gate = Promise.withResolvers<void>();
    const slow = fakeAuthority({ beforeCertificate: () => gate.promise });
    const stale = runErrand(context(withoutRenewal(store), slow, 50), plan, life);
    await eventually(() => expect(slow.orders).toBe(1));
    // Other orders must not be resumed here, or both would come to the same certificate.
    const order = (await store.list('acme/')).find(({ key }) => key.includes('/order/'))!;
    await store.delete(order.key);
    const fast = fakeAuthority();
    const taken = await eventually(async () => {
      const outcome = await runErrand(context(store, fast), plan, life);
      return outcome.kind === 'issued' && outcome;
    });
    expect(taken.kind).toBe('issued');
    const book = new Book(store, directory);
    const written = await book.read('certificate', plan.id);
    gate.resolve();
    expect(await stale).toEqual({ kind: 'superseded' });
    expect(await book.read('certificate', plan.id)).toEqual(written);
  });

  test('whose certificate could not be written fetches it again instead of ordering another', async () => {
    const store = memoryStore();
    let broken = true;
    const failing: Store = {
      ...store,
      put: (key, value, options) =>
        broken && key.includes('/certificate/')
          ? Promise.reject(new Error('disk full'))
          : store.put(key, value, options),
    };
    const authority = fakeAuthority();
    expect((await runErrand(context(failing, authority), plan, life)).kind).not.toBe('issued');
    broken = false;
    expect(await runErrand(context(failing, authority), plan, life)).toEqual({ kind: 'issued' });
    expect(authority.orders).toBe(1);
  });

  test('keeps the old certificate when the authority hands out one that has ended', async () => {
    const store = memoryStore();
    const authority = fakeAuthority({ notAfter: new Date(Date.now() - 60_000) });
    const outcome = await runErrand(context(store, authority), plan, life);
    expect(outcome).toMatchObject({ kind: 'failed', problem: { type: 'bad_answer' } });
    expect(outcome).toMatchObject({ problem: { detail: expect.stringContaining('clock right?') } });
    expect(await new Book(store, directory).read('certificate', plan.id)).toBeNull();
  });
});

describe('a certificate that was handed out', () => {
  test('is refused when it belongs to another key or another name', async () => {
    const [key, other] = [await createKey('ec256'), await createKey('ec256')];
    const pem = await selfSigned(key, ['a.example.com']);
    const check = (keyPem: string, names: readonly string[]) =>
      checkCertificate(pem, keyPem, names, Date.now());
    await expect(check(other, ['a.example.com'])).rejects.toThrow('another key');
    await expect(check(key, ['a.example.com', 'b.example.com'])).rejects.toThrow(
      'does not name b.example.com',
    );
    await expect(checkCertificate('nonsense', key, [], Date.now())).rejects.toThrow('not a certificate');
  });

  test.each([
    // The example of RFC 9773 §4.1.
    ['87654321', '69885b6b87464041e1b37b847ba0ae2cde01c8d4', 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE'],
    ['0765432101', '69885b6b87464041e1b37b847ba0ae2cde01c8d4', 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.B2VDIQE'],
  ])(
    'with serial %s is known to its authority by the right identifier',
    async (serial, issuerKeyId, certId) => {
      const key = await createKey('ec256');
      const pem = await selfSigned(key, ['a.example.com'], undefined, { serial, issuerKeyId });
      expect(await checkCertificate(pem, key, ['a.example.com'], Date.now())).toMatchObject({ certId });
    },
  );

  test('that names no key of its authority has no identifier', async () => {
    const key = await createKey('ec256');
    const pem = await selfSigned(key, ['a.example.com']);
    expect((await checkCertificate(pem, key, ['a.example.com'], Date.now())).certId).toBeNull();
  });
});
