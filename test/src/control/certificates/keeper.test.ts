import { beforeAll, expect, test } from 'vitest';
import { type Item, Keeper, type Kept } from '../../../../src/control/certificates/keeper.ts';
import { createTestCa, type TestCa } from '../../../support/certificates.ts';

let ca: TestCa;

beforeAll(async () => {
  ca = await createTestCa();
});

async function items(...names: readonly string[]): Promise<Map<string, Item>> {
  const found = new Map<string, Item>();
  for (const name of names) {
    const { certPem, keyPem } = await ca.issue([name]);
    found.set(name, { source: `at ${name}`, certPem, keyPem });
  }
  return found;
}

const namesIn = ({ set }: Kept): readonly string[] => set.map(({ names }) => names[0]!).sort();
const reasonsIn = ({ refused }: Kept): readonly string[] => refused.map(({ reason }) => reason);

test('what was read before is not read again', async () => {
  const keeper = new Keeper();
  const given = await items('a.test', 'b.test');
  const first = await keeper.take(given);
  const second = await keeper.take(given);
  expect(second.set).toEqual(first.set);
  expect(second.set.every((each, index) => each === first.set[index])).toBe(true);
});

test('one that is removed alone is gone, the only one too', async () => {
  const keeper = new Keeper();
  const given = await items('a.test', 'b.test');
  await keeper.take(given);
  given.delete('b.test');
  expect(namesIn(await keeper.take(given))).toEqual(['a.test']);
  expect(namesIn(await keeper.take(new Map()))).toEqual([]);
});

test('what a source forgot is kept over later looks, until it is there again', async () => {
  const keeper = new Keeper();
  const given = await items('a.test', 'b.test', 'c.test');
  await keeper.take(given);
  const rest = new Map([...given].slice(0, 1));
  const lost = await keeper.take(rest, true);
  expect([namesIn(lost), lost.refused.length]).toEqual([['a.test', 'b.test', 'c.test'], 2]);
  expect(namesIn(await keeper.take(rest))).toEqual(['a.test', 'b.test', 'c.test']);
  await keeper.take(given);
  expect(namesIn(await keeper.take(rest))).toEqual(['a.test']);
});

test('all of several gone at once are kept, and listed', async () => {
  const keeper = new Keeper();
  await keeper.take(await items('a.test', 'b.test'));
  for (let look = 0; look < 2; look++) {
    const kept = await keeper.take(new Map());
    expect(namesIn(kept)).toEqual(['a.test', 'b.test']);
    expect(reasonsIn(kept).every((reason) => reason.startsWith('gone, but'))).toBe(true);
  }
});

test('a place that turns bad keeps what was good there, one that was never good has nothing', async () => {
  const keeper = new Keeper();
  const given = await items('a.test');
  await keeper.take(given);
  given.set('a.test', { source: 'at a.test', reason: 'unreadable' });
  given.set('b.test', { source: 'at b.test', certPem: 'x', keyPem: 'x' });
  const kept = await keeper.take(given);
  expect(namesIn(kept)).toEqual(['a.test']);
  expect(reasonsIn(kept)).toEqual(['unreadable; the one before is kept', 'no private key']);
});
