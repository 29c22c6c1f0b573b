import { expect, test } from 'vitest';
import { Planner } from '../../router/planner.ts';
import { instance, POLICY } from './catalog.ts';

function endpointsOf(tag: string, address = '10.0.0.1') {
  const planner = new Planner(POLICY, []);
  planner.setService('web', [{ ...instance('web', 1, [tag]), address }]);
  planner.commit();
  expect(planner.refused()).toEqual([]);
  return [...planner.pools.values()][0]!.endpoints;
}

test.each([
  ['a.com', 'a.com'],
  ['a.com/x', 'a.com'],
  ['*.a.com', '10.0.0.1'],
  ['/x', '10.0.0.1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['a.com host=instance', '10.0.0.1'],
  ['a.com host=b.internal', 'b.internal'],
  ['a.com host=b.internal servername=C.internal', 'c.internal'],
])('instances of %s with TLS prove to be %s', (rule, name) => {
  for (const protocol of ['https', 'h2'] as const) {
    const [endpoint] = endpointsOf(`fairlead:${rule} proto=${protocol}`);
    expect(endpoint).toMatchObject({ protocol, tls: { name, isInsecure: false } });
  }
});

test.each([
  ['urlprefix-{a,b}.com/', 'node1.internal'],
  ['urlprefix-a[12].com/', 'node1.internal'],
  ['urlprefix-a.com/', 'a.com'],
])('of %s, where the address is a name, %s', (tag, name) => {
  expect(endpointsOf(`${tag} proto=https`, 'node1.internal')[0]!.tls!.name).toBe(name);
});

test('who is to prove something else is another endpoint', () => {
  const ids = ['a.com', 'b.com', 'a.com insecure', '/x', '/x insecure'].map(
    (rule) => endpointsOf(`fairlead:${rule} proto=https`)[0]!.id,
  );
  expect(ids).toEqual([
    'web@10.0.0.1:8000/https:a.com',
    'web@10.0.0.1:8000/https:b.com',
    'web@10.0.0.1:8000/https:a.com:insecure',
    'web@10.0.0.1:8000/https',
    'web@10.0.0.1:8000/https:insecure',
  ]);
});

test('routes of one service whose instances prove different names have pools of their own', () => {
  const planner = new Planner(POLICY, []);
  planner.setService('web', [
    instance(
      'web',
      1,
      ['a.com', 'b.com'].map((host) => `fairlead:${host} proto=https`),
    ),
  ]);
  planner.commit();
  expect([...planner.pools.values()].map(({ name, endpoints }) => [name, endpoints[0]!.tls!.name])).toEqual([
    ['web', 'a.com'],
    ['web#b.com/', 'b.com'],
  ]);
});

test('what is insecure is shown with the route', () => {
  const planner = new Planner(POLICY, []);
  planner.setService('web', [instance('web', 1, ['fairlead:a.com proto=https insecure'])]);
  planner.commit();
  expect([...planner.routes.values()][0]!.options).toEqual({ insecure: true });
});
