import { describe, expect, test } from 'vitest';
import { checkAddress } from '../../../../src/control/providers/address.ts';
import { BadAnswer } from '../../../../src/control/providers/fault.ts';
import { readServiceFacts } from '../../../../src/control/providers/instances.ts';
import { reconcile } from '../../../../src/control/providers/reconcile.ts';

type Json = Record<string, unknown>;

function entry(service: Json = {}, checks: unknown = [], node: Json = {}): Json {
  return {
    Node: { Node: 'n1', Address: '10.0.0.9', ...node },
    Service: {
      ID: 'web-1',
      Service: 'web',
      Address: '10.0.0.1',
      Port: 80,
      Tags: [],
      CreateIndex: 4,
      ...service,
    },
    Checks: checks,
  };
}

const check = (status: unknown, changes: Json = {}): Json => ({
  CheckID: `c-${String(status)}`,
  Name: 'c',
  Status: status,
  Output: '',
  ServiceID: 'web-1',
  ...changes,
});

const facts = (...entries: unknown[]) => readServiceFacts('web', Buffer.from(JSON.stringify(entries)));
const only = (service: Json = {}, checks: unknown = [], node: Json = {}) =>
  facts(entry(service, checks, node)).instances[0];

describe('health', () => {
  test.each([
    [[], 'passing'],
    [null, 'passing'],
    [[check('passing')], 'passing'],
    [[check('passing'), check('warning')], 'warning'],
    [[check('warning'), check('critical'), check('passing')], 'critical'],
    [[check('passing'), check('critical', { ServiceID: '' })], 'critical'],
    [[check('strange')], 'critical'],
    [[check(undefined)], 'critical'],
    [[check('critical'), check('critical', { CheckID: '_node_maintenance', ServiceID: '' })], 'maintenance'],
    [[check('critical', { CheckID: '_service_maintenance:web-1' })], 'maintenance'],
    [[check('passing'), check('critical', { ServiceID: 'another' })], 'passing'],
  ])('%j is %s', (checks, health) => {
    expect(only({}, checks)!.health).toBe(health);
  });
});

test('checks of the node are told from those of the instance', () => {
  const checks = [
    check('passing'),
    check('passing', { CheckID: 'serfHealth', ServiceID: '' }),
    check('critical', { CheckID: 'without-owner', ServiceID: undefined }),
  ];
  expect(only({}, checks)!.checks.map(({ id, isOfNode }) => [id, isOfNode])).toEqual([
    ['c-passing', false],
    ['serfHealth', true],
    ['without-owner', true],
  ]);
});

describe('address', () => {
  test.each([
    ['10.0.0.1', '10.0.0.1'],
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['localhost', 'localhost'],
    ['web-1.node_a.example.com.', 'web-1.node_a.example.com.'],
  ])('%s is dialled as %s', (text, address) => {
    expect(checkAddress(text)).toEqual({ ok: true, address });
  });

  test.each([
    ['', 'empty'],
    ['0.0.0.0', 'unspecified'],
    ['::', 'unspecified'],
    ['169.254.169.254', 'link-local'],
    ['::ffff:169.254.169.254', 'link-local'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local'],
    ['2001:db8::1%eth0', 'zone'],
    ['224.0.0.1', 'multicast'],
    ['ff02::1', 'multicast'],
    ['255.255.255.255', 'broadcast'],
    ['10.0.0.1\0', 'neither'],
    ['10.0.0.1 ', 'neither'],
    ['10.0.0.1/24', 'neither'],
    ['http://x', 'neither'],
    ['2852039166', 'neither'],
    ['0xa9fea9fe', 'neither'],
    ['127.1', 'neither'],
    ['-a.example', 'neither'],
    ['a..b', 'neither'],
    [`${'a'.repeat(64)}.b`, 'neither'],
  ])('%j is refused', (text, why) => {
    const verdict = checkAddress(text);
    expect(verdict).toMatchObject({ ok: false });
    expect(!verdict.ok && verdict.reason).toContain(why);
  });

  test('falls back to the node when empty or missing', () => {
    expect(only({ Address: '' })!.address).toBe('10.0.0.9');
    expect(only({ Address: undefined })!.address).toBe('10.0.0.9');
    expect(only({ Address: '' }, [], { Address: 'fd00::9' })!.address).toBe('fd00::9');
  });
});

describe('one bad entry disturbs no other', () => {
  test.each<[string, unknown]>([
    ['port 0', entry({ Port: 0 })],
    ['port 70000', entry({ Port: 70_000 })],
    ['port -1', entry({ Port: -1 })],
    ['port 8.5', entry({ Port: 8.5 })],
    ['port as text', entry({ Port: '80' })],
    ['no port', entry({ Port: undefined })],
    ['unspecified address', entry({ Address: '0.0.0.0' })],
    ['no address anywhere', entry({ Address: '' }, [], { Address: '' })],
    ['no node', entry({}, [], { Node: undefined })],
    ['no id', entry({ ID: '' })],
    ['null', null],
    ['a text', 'x'],
    ['a list', []],
    ['no service', { Node: { Node: 'n' } }],
  ])('%s', (_what, bad) => {
    const { instances, refusals, empty } = facts(bad, entry({ ID: 'good' }));
    expect(instances.map(({ id }) => id)).toEqual(['n1/good']);
    expect(refusals).toHaveLength(1);
    expect(refusals[0]).toMatchObject({ provider: 'consul', service: 'web' });
    expect(refusals[0]!.reason).not.toBe('');
    expect(empty).toBe(false);
  });

  test('duplicate ids: two nodes are two instances, twice on one node is refused', () => {
    const { instances, refusals } = facts(entry(), entry({}, [], { Node: 'n2' }), entry());
    expect(instances.map(({ id }) => id)).toEqual(['n1/web-1', 'n2/web-1']);
    expect(refusals.map(({ reason }) => reason)).toEqual(['listed twice']);
  });

  test('too many, too long and unprintable tags are set aside one by one', () => {
    const many = Array.from({ length: 5001 }, (_, i) => `t${i}`);
    expect(only({ Tags: many })!.tags).toHaveLength(5000);
    const tags = ['ok', 'x'.repeat(64_000), 'a\u202eb', 'a\0b', 'a\ufffdb', 7, 'fine'];
    const { instances, refusals } = facts(entry({ Tags: tags }));
    expect(instances[0]!.tags).toEqual(['ok', 'fine']);
    expect(refusals).toHaveLength(5);
    for (const { text } of refusals) expect(text).toMatch(/^[ -~]{1,80}$/);
  });

  test('an instance of a name in another case belongs elsewhere', () => {
    expect(facts(entry({ Service: 'Web' }))).toEqual({ instances: [], refusals: [], empty: false });
  });
});

test.each([
  [undefined, { passing: 1, warning: 1 }],
  [
    { Passing: 10, Warning: 0 },
    { passing: 10, warning: 0 },
  ],
  [
    { Passing: -1, Warning: 1e9 },
    { passing: 0, warning: 65_535 },
  ],
  [
    { Passing: 2.9, Warning: 'x' },
    { passing: 2, warning: 1 },
  ],
])('weights %j', (weights, expected) => {
  expect(only({ Weights: weights })!.weights).toEqual(expected);
});

test.each(['null', '{}', '"x"', '[', '', '<html>'])('%s is not an answer', (body) => {
  expect(() => readServiceFacts('web', Buffer.from(body))).toThrow(BadAnswer);
});

describe('reconcile', () => {
  const before = facts(entry({}, [check('passing', { Output: 'a' })]), entry({ ID: 'web-2' })).instances;

  test('order, output and indexes mean nothing', () => {
    const again = facts(
      entry({ ID: 'web-2', ModifyIndex: 99 }),
      entry({}, [check('passing', { Output: 'b', Notes: 'n', ModifyIndex: 99 })]),
    ).instances;
    expect(reconcile(before, again)).toBe(before);
  });

  test('a check that was of the node and is of the instance now is a change', () => {
    const first = facts(entry({}, [check('passing', { ServiceID: '' })])).instances;
    expect(reconcile(first, facts(entry({}, [check('passing')])).instances)).not.toBe(first);
  });

  test.each<[string, Json, unknown]>([
    ['port', { Port: 81 }, []],
    ['address', { Address: '10.0.0.2' }, []],
    ['tags', { Tags: ['x'] }, []],
    ['meta', { Meta: { a: 'b' } }, []],
    ['weights', { Weights: { Passing: 2, Warning: 1 } }, []],
    ['registration', { CreateIndex: 5 }, []],
    ['check', {}, [check('critical')]],
  ])('another %s is a change of that instance only', (_what, service, checks) => {
    const first = facts(entry(), entry({ ID: 'web-2' })).instances;
    const next = reconcile(first, facts(entry(service, checks), entry({ ID: 'web-2' })).instances);
    expect(next).not.toBe(first);
    expect(next[0]).not.toBe(first[0]);
    expect(next[1]).toBe(first[1]);
  });
});
