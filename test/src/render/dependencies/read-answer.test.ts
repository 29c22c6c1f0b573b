import { describe, expect, test } from 'vitest';
import { decode } from '../../../../src/render/dependencies/decode.ts';
import {
  parseKey,
  parseKeys,
  parseNode,
  parseNodes,
  parseService,
  parseServices,
  rootsQuery,
} from '../../../../src/render/dependencies/parse-query.ts';
import type { ConsulQuery } from '../../../../src/render/dependencies/query.ts';
import { readAnswer } from '../../../../src/render/dependencies/read-answer.ts';
import { serviceType } from '../../../../src/render/dependencies/types.ts';
import { encodeJson } from '../../../../src/render/functions/json-encoder.ts';
import type { Value } from '../../../../src/render/template/values.ts';

function json(value: Value): unknown {
  return JSON.parse(encodeJson(value, { escapesHtml: false, indent: '' }, 1_000_000));
}

function read(query: unknown, answer: unknown): unknown {
  return json(readAnswer(query as ConsulQuery, Buffer.from(JSON.stringify(answer))));
}

const check = (CheckID: string, Status: string): object => ({ CheckID, Status, Output: 'o' });

function entry(node: string, id: string, checks: readonly object[] = [], service: object = {}): object {
  return {
    Node: { ID: `${node}-id`, Node: node, Address: '10.9.9.9', Meta: { a: 'b' } },
    Service: {
      ID: id,
      Service: 'web',
      Port: 80,
      Tags: ['z', 'a'],
      Weights: { Passing: 2, Warning: 1 },
      ...service,
    },
    Checks: checks,
  };
}

function picked(argument: string, entries: readonly object[]): readonly string[] {
  const found = read(parseService(argument, false), entries) as readonly {
    Node: string;
    ID: string;
    Status: string;
  }[];
  return found.map(({ Node, ID, Status }) => `${Node}/${ID} ${Status}`);
}

describe('instances', () => {
  test('are ordered by node, then id, by their bytes', () => {
    const entries = [entry('b', '1'), entry('a', '2'), entry('B', '1'), entry('a', '10')];
    expect(picked('web', entries)).toEqual(['B/1 passing', 'a/10 passing', 'a/2 passing', 'b/1 passing']);
  });

  test('with ~near are in the order of the answer', () => {
    expect(picked('web~_agent', [entry('b', '1'), entry('a', '1')])).toEqual(['b/1 passing', 'a/1 passing']);
  });

  const mixed = [
    entry('a', 'ok', [check('serfHealth', 'passing')]),
    entry('b', 'warn', [check('x', 'warning'), check('y', 'passing')]),
    entry('c', 'crit', [check('x', 'critical'), check('y', 'warning')]),
    entry('d', 'maint', [check('_node_maintenance', 'critical'), check('y', 'critical')]),
    entry('e', 'maint2', [check('_service_maintenance:web', 'critical')]),
    entry('f', 'odd', [check('x', 'resting')]),
  ];
  test.each([
    ['web', ['a/ok passing']],
    ['web|warning', ['b/warn warning']],
    ['web|passing,critical', ['a/ok passing', 'c/crit critical']],
    ['web|maintenance', ['d/maint maintenance', 'e/maint2 maintenance']],
    [
      'web|any',
      [
        'a/ok passing',
        'b/warn warning',
        'c/crit critical',
        'd/maint maintenance',
        'e/maint2 maintenance',
        'f/odd ',
      ],
    ],
  ])('%s takes those of its states', (argument, expected) => {
    expect(picked(argument, mixed)).toEqual(expected);
  });

  test('are picked by tag, without case, as Consul does', () => {
    const entries = [entry('a', '1', [], { Tags: ['Prod'] }), entry('b', '1', [], { Tags: ['dev'] })];
    expect(picked('prod.web', entries)).toEqual(['a/1 passing']);
  });

  test('have the address of their node where they have none', () => {
    const [one, other] = read(parseService('web', false), [
      entry('a', '1', [], { Address: '' }),
      entry('b', '1', [], { Address: '10.0.0.2' }),
    ]) as readonly { Address: string; NodeAddress: string; Tags: readonly string[]; Weights: object }[];
    expect([one!.Address, other!.Address, other!.NodeAddress]).toEqual(['10.9.9.9', '10.0.0.2', '10.9.9.9']);
    expect(one!.Tags).toEqual(['a', 'z']);
    expect(one!.Weights).toEqual({ Passing: 2, Warning: 1 });
  });

  test('have their fields in the order of consul-template', () => {
    const [one] = read(parseService('web', false), [entry('a', '1')]) as readonly object[];
    expect(Object.keys(one!)).toEqual(Object.keys(json(decode(serviceType, {})) as object));
    expect(Object.keys(one!).slice(0, 3)).toEqual(['Node', 'NodeID', 'NodeAddress']);
  });

  test('that make no sense take nothing else along', () => {
    const odd = [null, 5, {}, { Node: {}, Service: null }, { Node: 5, Service: {} }];
    expect(picked('web', [...(odd as object[]), entry('a', '1', [null as never, 5 as never])])).toEqual([
      'a/1 passing',
    ]);
  });
});

describe('the rest of the catalog', () => {
  test('services are ordered by name, their tags too', () => {
    expect(read(parseServices(''), { web: ['b', 'a'], Api: [], consul: null })).toEqual([
      { Name: 'Api', Tags: [] },
      { Name: 'consul', Tags: [] },
      { Name: 'web', Tags: ['a', 'b'] },
    ]);
  });

  test('nodes are ordered by name, then address', () => {
    const nodes = [
      { Node: 'b', Address: '1' },
      { Node: 'a', Address: '2', ID: 'x', Datacenter: 'dc1', TaggedAddresses: { lan: '2' }, Meta: null },
      { Node: 'a', Address: '1' },
    ];
    const found = read(parseNodes(''), nodes) as readonly { Node: string; Address: string }[];
    expect(found.map(({ Node, Address }) => Node + Address)).toEqual(['a1', 'a2', 'b1']);
    expect(found[1]).toEqual({
      ID: 'x',
      Node: 'a',
      Address: '2',
      Datacenter: 'dc1',
      TaggedAddresses: { lan: '2' },
      Meta: null,
    });
  });

  test('a node has its services, ordered by name, then id', () => {
    const node = {
      Node: { Node: 'n', Address: '1' },
      Services: {
        w2: { ID: 'w2', Service: 'web', Tags: ['b', 'a'], Port: 81 },
        w1: { ID: 'w1', Service: 'web', Port: 80 },
        a: { ID: 'a', Service: 'api' },
      },
    };
    const found = read(parseNode('n'), node) as { Services: readonly { ID: string; Tags: unknown }[] };
    expect(found.Services.map(({ ID }) => ID)).toEqual(['a', 'w1', 'w2']);
    expect(found.Services[2]!.Tags).toEqual(['a', 'b']);
  });

  test('no node is a value without one', () => {
    expect(json(readAnswer(parseNode('n') as ConsulQuery, null))).toEqual({ Node: null, Services: null });
  });

  test('authorities have their certificate', () => {
    const roots = read(rootsQuery, { Roots: [{ ID: '1', Name: 'n', RootCert: 'PEM', Active: true }] });
    expect(roots).toMatchObject([{ ID: '1', RootCertPEM: 'PEM', Active: true }]);
  });
});

describe('keys', () => {
  test('a value is bytes', () => {
    const value = readAnswer(parseKey('k', true) as ConsulQuery, Buffer.from('[{"Key":"k","Value":"/w=="}]'));
    expect(value).toBe('\udcff');
    expect(readAnswer(parseKey('k', false) as ConsulQuery, Buffer.from('[{"Key":"k","Value":null}]'))).toBe(
      '',
    );
    expect(readAnswer(parseKey('k', false) as ConsulQuery, null)).toBeNull();
  });

  test('pairs lose the prefix, and the slashes after it', () => {
    const pairs = [
      { Key: 'a/b', Value: 'MQ==' },
      { Key: 'a/b/c', Value: 'Mg==', Flags: 5 },
      { Key: 'a/b/', Value: null },
    ];
    expect(read(parseKeys('a/b'), pairs)).toMatchObject([
      { Path: 'a/b', Key: '', Value: '1' },
      { Path: 'a/b/c', Key: 'c', Value: '2', Flags: 5 },
      { Path: 'a/b/', Key: '', Value: '' },
    ]);
  });

  test('flags keep all their 64 bits', () => {
    const body = Buffer.from('[{"Key":"k","Value":null,"Flags":18446744073709551615}]');
    const value = readAnswer(parseKeys('k') as ConsulQuery, body);
    expect(encodeJson(value, { escapesHtml: false, indent: '' }, 1_000)).toContain(
      '"Flags":18446744073709551615',
    );
  });

  test('no keys is an empty list', () => {
    expect(json(readAnswer(parseKeys('k') as ConsulQuery, null))).toEqual([]);
  });
});

test('what is no JSON, or not a list, is an error and never empty', () => {
  expect(() => readAnswer(parseService('web', false), Buffer.from('<html>'))).toThrow('not JSON');
  expect(() => readAnswer(parseService('web', false), Buffer.from('{}'))).toThrow('not a list');
  expect(() => readAnswer(parseServices('') as ConsulQuery, Buffer.from('[]'))).toThrow('not an object');
});
