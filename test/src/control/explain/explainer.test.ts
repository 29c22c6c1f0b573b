import { describe, expect, test } from 'vitest';
import { parseFabioCommands } from '../../../../router/fabio-commands.ts';
import { instance } from '../facts.ts';
import { ask, commit, register, stage, tagged, web } from './stage.ts';

describe('decisions are those of the workers', () => {
  test('forward, with what the instance is asked for', () => {
    tagged('fairlead:a.test/api strip');
    expect(ask('http://A.test:80/api/x?y')).toMatchObject({
      ...{ decision: 'forward', reason: null, status: null, location: null, target: '/x?y' },
      ...{ route: 'a.test/api', pool: 'a', version: 1 },
      request: { method: 'GET', host: 'a.test', listener: 'web', client: '127.0.0.1' },
      endpoints: [{ source: 'n/a-1', address: '10.0.0.97', port: 1001, weight: 1, state: 'active' }],
      excluded: [],
    });
  });

  test('redirect, with status and place', () => {
    tagged('fairlead:a.test/ https=redirect', 'fairlead:b.test/ redirect=301,https://c.test$path');
    const location = 'https://a.test:8443/x?y';
    expect(ask('a.test/x?y')).toMatchObject({ decision: 'redirect', status: 308, location, reason: null });
    const fixed = {
      decision: 'redirect',
      status: 301,
      location: 'https://c.test/x?y',
      pool: null,
      excluded: [],
    };
    expect(ask('b.test/x?y')).toMatchObject(fixed);
  });

  test('https that a trusted proxy has ended is not redirected; a client behind it is judged', () => {
    tagged('fairlead:a.test/ https=redirect', 'fairlead:b.test/ allow=192.0.2.0/24');
    expect(ask('a.test', { client: '10.9.0.1', header: 'X-Forwarded-Proto: https' }).decision).toBe(
      'forward',
    );
    expect(ask('a.test', { client: '10.8.0.1', header: 'X-Forwarded-Proto: https' }).decision).toBe(
      'redirect',
    );
    const behind = ask('b.test', { client: '10.9.0.1', header: 'X-Forwarded-For: 192.0.2.7' });
    expect([behind.decision, behind.request.client]).toEqual(['forward', '192.0.2.7']);
    const other = ask('b.test', { client: '10.8.0.1', header: 'X-Forwarded-For: 192.0.2.7' });
    expect([other.reason, other.status, other.why]).toEqual([
      'denied',
      403,
      '10.8.0.1 is not among those that b.test/ allows',
    ]);
  });

  test.each([
    ['a.test/%2e%2e/x', 400, 'bad_request'],
    ['a.test/%zz', 400, 'bad_request'],
    ['a..test/', 400, 'bad_request'],
    ['other.test/', 404, 'no_route'],
    ['only.test/', 404, 'no_route'],
  ])('%s is refused with %d %s', (url, status, reason) => {
    tagged('fairlead:a.test/', 'fairlead:only.test/ https=only');
    expect(ask(url)).toMatchObject({ decision: 'refuse', status, reason });
  });

  test('what a worker refuses by the head alone', () => {
    tagged('fairlead:a.test/');
    expect(ask(`a.test/${'x'.repeat(20_000)}`)).toMatchObject({ status: 414, reason: 'uri_too_long' });
    expect(ask('a.test', { method: 'CONNECT' })).toMatchObject({ status: 501, reason: 'not_implemented' });
    expect(ask('a.test', { header: 'Host: b.test' }).reason).toBe('no_route');
  });

  test('without a catalog a host is not unknown', () => {
    stage.isComplete = false;
    expect(ask('a.test')).toMatchObject({ decision: 'refuse', status: 503, reason: 'no_catalog' });
  });

  test('changes are seen: routes that come, change and go', () => {
    tagged('fairlead:a.test/');
    expect(ask('a.test/x').target).toBe('/x');
    tagged('fairlead:a.test/ prefix=/p', 'fairlead:b.test/');
    expect(ask('a.test/x').target).toBe('/p/x');
    expect(ask('b.test/x').decision).toBe('forward');
    tagged('fairlead:b.test/');
    expect(ask('a.test/x').reason).toBe('no_route');
  });
});

describe('listeners', () => {
  test('the URL chooses by port, then by scheme; a name is believed', () => {
    stage.listeners = [web, { ...web, name: 'internal', address: { host: '', port: 81 } }];
    tagged('fairlead:a.test/');
    const chosen = (url: string, more = {}): string => ask(url, more).request.listener!;
    expect(chosen('a.test:81')).toBe('internal');
    expect(chosen('a.test:99')).toBe('web');
    expect(chosen('https://a.test', { listener: 'internal' })).toBe('internal');
    expect(() => ask('https://a.test')).toThrow('no listener speaks https');
    expect(() => ask('a.test', { listener: 'x' })).toThrow(
      'no listener is called "x"; there is web, internal',
    );
    expect(() => ask('ftp://a.test')).toThrow('ftp://, which nothing answers');
  });
});

describe('who is left out', () => {
  test('every failing check with its output, and who merely has no tag', () => {
    const check = { id: 'c', name: 'http', status: 'critical' as const, output: 'refused', isOfNode: false };
    const node = {
      ...check,
      id: 'm',
      name: '',
      status: 'maintenance' as const,
      output: 'disk',
      isOfNode: true,
    };
    const fine = { ...check, status: 'warning' as const, output: 'slow' };
    register(
      'a',
      instance('a', 1),
      instance('a', 2, { health: 'maintenance', checks: [check, node, fine] }),
      instance('a', 3, { tags: ['v2'] }),
      instance('a', 4, { weights: { passing: 0, warning: 0 } }),
      instance('a', 5, { tags: ['fairlead:a.test/ typo'] }),
      instance('a', 6, { port: 1001 }),
    );
    const { decision, endpoints, excluded } = ask('a.test');
    expect(decision).toBe('forward');
    expect(endpoints.map(({ source }) => source)).toEqual(['n/a-6', 'n/a-4']);
    expect(excluded.map(({ instance: of, check: by, status, output }) => [of, by, status, output])).toEqual([
      ['n/a-1', null, 'duplicate', 'another registration stands for 10.0.0.97:1001'],
      ['n/a-2', 'http', 'critical', 'refused'],
      ['n/a-2', 'm', 'maintenance', 'disk'],
      ['n/a-3', null, 'untagged', expect.stringContaining('no tag')],
      ['n/a-4', null, 'weight-0', expect.stringContaining('weight is 0')],
      ['n/a-5', 'fairlead:a.test/ typo', 'refused', expect.stringContaining('typo')],
    ]);
  });

  test('nobody left is 503, with the route and the reason', () => {
    register('a', instance('a', 1, { health: 'critical' }));
    expect(ask('a.test')).toMatchObject({
      ...{ decision: 'refuse', status: 503, reason: 'no_healthy_instance', route: 'a.test/', pool: 'a' },
      ...{
        endpoints: [],
        excluded: [{ instance: 'n/a-1', check: 'c', status: 'critical', output: 'refused' }],
      },
    });
  });

  test('an output is cut, however long it is', () => {
    const check = {
      id: 'c',
      name: 'c',
      status: 'critical' as const,
      output: 'x'.repeat(4_096),
      isOfNode: false,
    };
    register('a', instance('a', 1, { health: 'critical', checks: [check] }));
    expect(ask('a.test').excluded[0]!.output).toHaveLength(1_000);
  });

  test('a service that left the catalog', () => {
    register('a', instance('a', 1));
    stage.catalog.set('a', []);
    stage.planner.setService('a', [instance('a', 1)], true);
    commit();
    expect(ask('a.test')).toMatchObject({
      ...{ reason: 'no_healthy_instance' },
      excluded: [{ instance: 'n/a-1', check: null, status: 'deregistered' }],
    });
  });

  test("who fails the router's own check", () => {
    register('a', instance('a', 1, { checks: [], tags: ['fairlead:a.test/ check=/up'] }), instance('a', 2));
    const { set } = stage.planner.takeCheckChanges();
    stage.planner.setDown(set[0]!.id, true);
    commit();
    stage.standings.set(set[0]!.id, { isUp: false, output: 'answered 500' });
    expect(ask('a.test').excluded).toEqual([
      { instance: 'n/a-1', check: 'fairlead: GET /up', status: 'critical', output: 'answered 500' },
    ]);
  });

  test('who is kept although Consul has given it up says so', () => {
    register('a', instance('a', 1), instance('a', 2), instance('a', 3));
    stage.held.set('a', [instance('a', 1), instance('a', 2, { health: 'critical' })]);
    expect(ask('a.test').endpoints.map(({ held: words }) => words)).toEqual([
      undefined,
      'Consul says critical: it forgot',
      'Consul says gone: it forgot',
    ]);
  });

  test('another service that claims the rule has lost it', () => {
    register('a', instance('a', 1));
    register('b', instance('b', 1, { tags: ['fairlead:a.test/'] }));
    const { candidates, excluded } = ask('a.test');
    expect(candidates[1]).toMatchObject({
      matched: false,
      why: expect.stringContaining('b claims the same rule: a has'),
    });
    expect(excluded).toMatchObject([{ instance: 'n/b-1', status: 'overruled' }]);
  });
});

describe('no route', () => {
  test('says what was perhaps meant, and which tags of this host were refused', () => {
    const lines = parseFabioCommands([{ key: 'k', text: 'route add x www.a.test/ ftp://10.0.0.1:1/' }]);
    const refused = lines.refused.map(({ text, reason }) => ({
      provider: 'kv' as const,
      service: '',
      instance: 'k:1',
      text,
      reason,
    }));
    stage.planner.setCommands([], refused);
    tagged('fairlead:shop.a.test/', 'fairlead:www.a.test/ typo', 'fairlead:*.www.a.test/');
    expect(ask('www.a.test')).toMatchObject({
      ...{ decision: 'refuse', reason: 'no_route', route: null, pool: null, candidates: [] },
      near: ['*.www.a.test'],
      excluded: [
        { instance: 'n/a-1', check: 'fairlead:www.a.test/ typo', status: 'refused' },
        { instance: 'k:1', status: 'refused' },
      ],
    });
    expect(ask('shp.a.test').near).toEqual(['shop.a.test']);
  });
});
