import { expect, test } from 'vitest';
import { UnknownNames } from '../../../../src/data/tls/unknown-names.ts';

test('names that no certificate has are told once a second each, and never more than twenty', () => {
  const told: string[] = [];
  let now = 5_000;
  const names = new UnknownNames(
    (message) => void (message.type === 'unknown-name' && told.push(message.name)),
    () => now,
  );
  for (const name of ['A.test.', 'a.test', '', '10.0.0.1', 'not a name']) names.add(name);
  expect(told).toEqual(['a.test']);
  for (let i = 0; i < 100; i++) names.add(`${i}.test`);
  expect(told).toHaveLength(20);
  now += 1_000;
  names.add('a.test');
  expect(told.slice(20)).toEqual(['a.test']);
});
