import { describe, expect, test } from 'vitest';
import {
  parseKey,
  parseKeys,
  parseNode,
  parseNodes,
  parsePeerings,
  parseService,
  parseServices,
} from '../../../../src/render/dependencies/parse-query.ts';
import { pathOf } from '../../../../src/render/dependencies/path.ts';

const service = (text: string) => parseService(text, false);

describe('the argument of service', () => {
  test.each([
    ['web', 'health.service(web|passing)', '/v1/health/service/web'],
    ['prod.web', 'health.service(prod.web|passing)', '/v1/health/service/web'],
    ['a.b.web', 'health.service(a.b.web|passing)', '/v1/health/service/web'],
    ['k=v:1.web', 'health.service(k=v:1.web|passing)', '/v1/health/service/web'],
    ['web@dc1', 'health.service(web@dc1|passing)', '/v1/health/service/web?dc=dc1'],
    ['web@dc.1_x', 'health.service(web@dc.1_x|passing)', '/v1/health/service/web?dc=dc.1_x'],
    ['web~_agent', 'health.service(web~_agent|passing)', '/v1/health/service/web?near=_agent'],
    ['web@dc1~n1', 'health.service(web@dc1~n1|passing)', '/v1/health/service/web?dc=dc1&near=n1'],
    ['web?ns=n', 'health.service(web@ns=n|passing)', '/v1/health/service/web?ns=n'],
    [
      'web?ns=n&partition=p@dc1',
      'health.service(web@dc1@partition=p@ns=n|passing)',
      '/v1/health/service/web?dc=dc1&ns=n&partition=p',
    ],
    ['web?peer=x', 'health.service(web@peer=x|passing)', '/v1/health/service/web?peer=x'],
    ['web?sameness-group=g', 'health.service(web@sameness-group=g|passing)', '/v1/health/service/web?sg=g'],
    ['web?ns=a&ns=b', 'health.service(web@ns=a|passing)', '/v1/health/service/web?ns=a'],
    ['web|any', 'health.service(web|any)', '/v1/health/service/web'],
    ['web|passing', 'health.service(web|passing)', '/v1/health/service/web'],
    ['web|warning,passing', 'health.service(web|passing,warning)', '/v1/health/service/web'],
    ['web|passing,,critical', 'health.service(web|critical,passing)', '/v1/health/service/web'],
    ['web|maintenance', 'health.service(web|maintenance)', '/v1/health/service/web'],
    ['web|,', 'health.service(web)', '/v1/health/service/web'],
  ])('%s is %s', (text, id, path) => {
    expect(service(text).id).toBe(id);
    expect(pathOf(service(text))).toBe(path);
  });

  test('trap 24: a filter of passing is the default, and the same watch', () => {
    expect(service('web')).toEqual(service('web|passing'));
  });

  test.each([
    ['', 'health.service: invalid format: ""'],
    ['web|', 'health.service: invalid format: "web|"'],
    ['a/b', 'health.service: invalid format: "a/b"'],
    ['café', 'health.service: invalid format: "café"'],
    ['web|passing, warning', 'health.service: invalid format: "web|passing, warning"'],
    ['web@', 'health.service: invalid format: "web@"'],
    ['web|any@dc1', 'health.service: invalid format: "web|any@dc1"'],
    ['web?a%20=b', 'health.service: invalid format: "web?a%20=b"'],
    ['web\n', 'health.service: invalid format: "web\\n"'],
    ['web|healthy', 'health.service: invalid filter: "healthy" in "web|healthy"'],
    [
      'web?dc=x',
      'health.service: invalid query parameter key "dc" in query "dc=x": supported keys: ns,partition,peer,sameness-group',
    ],
    ['web?peer=x&sameness-group=g', 'health.service: cannot specify both peer and sameness-group'],
  ])('%s is refused', (text, message) => {
    expect(() => service(text)).toThrow(message);
  });

  test('connect has a watch of its own', () => {
    expect(parseService('web', true).id).toBe('health.connect(web|passing)');
    expect(pathOf(parseService('web', true))).toBe('/v1/health/connect/web');
  });

  test('a very long one is refused at once', () => {
    const started = performance.now();
    expect(() => service('a.'.repeat(500_000))).toThrow('invalid format');
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe('the arguments of the others', () => {
  test.each([
    [parseServices(''), 'catalog.services', '/v1/catalog/services'],
    [parseServices('@dc1'), 'catalog.services(@dc1)', '/v1/catalog/services?dc=dc1'],
    [
      parseServices('?partition=p@dc1'),
      'catalog.services(@dc1@partition=p)',
      '/v1/catalog/services?dc=dc1&partition=p',
    ],
    [parseNodes(''), 'catalog.nodes', '/v1/catalog/nodes'],
    [parseNodes('@dc1~n1'), 'catalog.nodes(@dc1~n1)', '/v1/catalog/nodes?dc=dc1&near=n1'],
    [parseNode('n.1@dc1'), 'catalog.node(n.1@dc1)', '/v1/catalog/node/n.1?dc=dc1'],
    [parseNode(''), 'catalog.node', '/v1/catalog/node/'],
    [parseKey('/a/b c', true), 'kv.block(a/b c)', '/v1/kv/a/b%20c'],
    [parseKey('a@dc1', false), 'kv.get(a@dc1)', '/v1/kv/a?dc=dc1'],
    [parseKey('a?ns=x@dc1', false), 'kv.get(a@dc1@ns=x)', '/v1/kv/a?dc=dc1&ns=x'],
    [parseKeys('/a/b/'), 'kv.list(a/b/)', '/v1/kv/a/b/?recurse'],
    [parseKeys('é/ü@dc1'), 'kv.list(é/ü@dc1)', '/v1/kv/%C3%A9/%C3%BC?recurse&dc=dc1'],
    [parsePeerings(''), 'list.peerings', '/v1/peerings'],
    [parsePeerings('?partition=p'), 'list.peerings?partition=p', '/v1/peerings?partition=p'],
  ])('%#', (query, id, path) => {
    expect(query.id).toBe(id);
    expect(pathOf(query as Parameters<typeof pathOf>[0])).toBe(path);
  });

  test.each([
    [() => parseServices('web'), 'catalog.services: invalid format: "web"'],
    [() => parseNodes('x'), 'catalog.nodes: invalid format: "x"'],
    [() => parseNode('a b'), 'catalog.node: invalid format: "a b"'],
    [() => parseKey('a@b@c', true), 'kv.get: invalid format: "a@b@c"'],
    [() => parseKeys('?ns=x'), 'kv.list: invalid format: "?ns=x"'],
    [() => parsePeerings('x'), 'list.peering: invalid format: "x"'],
  ])('%#: what does not fit is refused', (parse, message) => {
    expect(parse).toThrow(message);
  });
});
