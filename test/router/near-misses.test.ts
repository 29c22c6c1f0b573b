import { expect, test } from 'vitest';
import { nearHosts } from '../../router/near-misses.ts';

const known = ['shop.example.com', '*.example.com', 'www.other.com', 'example.net', '', 'shop.example.com'];

test.each([
  ['shp.example.com', ['shop.example.com']],
  ['example.com', ['*.example.com']],
  ['other.com', ['www.other.com']],
  ['www.example.net', ['example.net']],
  ['shop.example.com', []],
  ['exampel.net', ['example.net']],
  ['nothing.like.it', []],
])('who asks for %s may mean %j', (host, near) => {
  expect(nearHosts(host, known)).toEqual(near);
});

test('the likeliest come first, and only a few', () => {
  const many = ['aaaaaa', 'aaaaab', 'aaaabb', 'aaaaac', 'aaaaad', 'aaaaae', 'aaaaaf'];
  expect(nearHosts('aaaaa', many)).toEqual(['aaaaaa', 'aaaaab', 'aaaaac', 'aaaaad', 'aaaaae']);
});

test('a question about very many long names ends in time', () => {
  const host = 'x'.repeat(253);
  const names = Array.from({ length: 20_000 }, (_, i) => `${i}`.padStart(253, 'y'));
  const startedAt = performance.now();
  expect(nearHosts(host, names)).toEqual([]);
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});
