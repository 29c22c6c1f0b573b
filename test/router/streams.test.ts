import { describe, expect, test } from 'vitest';
import type { Route } from '../../router/model.ts';
import { Planner } from '../../router/planner.ts';
import { StreamTable } from '../../router/stream-table.ts';
import { readTag } from '../../router/tags.ts';
import { instance, POLICY, plannerOf, servers, setInstances, setLines, staticEntry } from './catalog.ts';

function reasonOf(tag: string): string {
  const planner = plannerOf(instance('db', 1, [tag]));
  const [refusal, ...more] = planner.refused();
  expect([...planner.routes.keys(), ...more]).toEqual([]);
  return refusal!.reason;
}

describe('tags', () => {
  test.each([
    ['fairlead:tcp:15432', 'tcp:15432', {}],
    ['fairlead:tcp:15636 tls=terminate', 'tcp:15636', { tls: 'terminate' }],
    ['fairlead:tcp:15432 proxy=v2 departure=close', 'tcp:15432', { proxy: 'v2', departure: 'close' }],
    ['fairlead:tcp:15432 allow=10.0.0.0/8', 'tcp:15432', { allow: ['10.0.0.0/8'] }],
    ['fairlead:sni:DB.test:15433 retry=1', 'sni:db.test:15433', { retry: 1 }],
    ['fairlead:sni:*.db.test', 'sni:*.db.test', {}],
    ['urlprefix-:15432 proto=tcp pxyproto=true', 'tcp:15432', { proxy: 'v1' }],
    ['urlprefix-:15432 proto=tcp strip=/x', 'tcp:15432', {}],
    ['urlprefix-:15432 proto=tcp deny=ip:10.0.0.1', 'tcp:15432', { deny: ['10.0.0.1/32'] }],
    ['urlprefix-Db.test/ proto=tcp', 'sni:db.test', {}],
  ])('%s is the route %s', (tag, id, options) => {
    const planner = plannerOf(instance('db', 1, [tag]));
    expect(planner.refused()).toEqual([]);
    expect([...planner.routes.values()]).toMatchObject([{ id, options, pool: 'db' }]);
    expect(planner.pools.get('db')!.endpoints).toMatchObject([
      { id: 'db@10.0.0.1:8000/tcp', protocol: 'tcp', weight: 1 },
    ]);
  });

  test.each([
    ['fairlead:tcp:5432', 'port 5432 is outside of tcp.ports, 15000-15999'],
    ['fairlead:tcp:16000', 'outside of tcp.ports'],
    ['fairlead:sni:a.com:443', 'port 443 is outside of tcp.ports'],
    ['fairlead:tcp:15080', 'port 15080 belongs to listener web'],
    ['urlprefix-:80 proto=tcp', 'port 80 is outside of tcp.ports'],
    ['fairlead:udp:15053', 'port 15053 is outside of udp.ports, 16000-16999'],
    ['fairlead:udp:16053 proxy=v2', 'option proxy means nothing to udp: targets'],
    ['fairlead:udp:16053 listener=web', 'the port is the listener'],
    ['fairlead:udp:16053 balance=hash:header:a', 'needs HTTP; write hash:ip'],
    ['urlprefix-:16053 proto=udp', 'write a native tag, udp:PORT'],
    ['fairlead:tcp:15432 strip=/x', 'option strip means nothing to tcp: targets'],
    ['fairlead:tcp:15432 https=only', 'option https means nothing to tcp: targets'],
    ['fairlead:tcp:15432 priority=1', 'option priority means nothing'],
    ['fairlead:tcp:15432 listener=web', 'the port is the listener'],
    ['fairlead:sni:a.com:15433 listener=web', 'the port is the listener'],
    ['fairlead:sni:a.com listener=web', 'no https listener has this name; there is websecure'],
    ['fairlead:tcp:15432 balance=hash:cookie:a', 'balance=hash:cookie: needs HTTP; write hash:ip'],
    ['fairlead:a.com proxy=v1', 'option proxy is for tcp:, sni: and udp: targets'],
    ['fairlead:a.com tls=terminate', 'option tls is for tcp:, sni: and udp: targets'],
    ['fairlead:sni:a.com:15433 tls=terminate', 'option tls means nothing to sni: targets'],
    ['fairlead:udp:5353 tls=terminate', 'option tls means nothing to udp: targets'],
    ['fairlead:a.com departure=close', 'option departure is for tcp:, sni: and udp: targets'],
  ])('%s is refused: %s', (tag, reason) => {
    expect(reasonOf(tag)).toContain(reason);
  });

  test('without tcp.ports tags open nothing, and without an https listener names need a port', () => {
    const planner = new Planner({ ...POLICY, tcpPorts: null, tlsListeners: [] });
    setInstances(planner, instance('db', 1, ['fairlead:tcp:15432', 'fairlead:sni:a.com']));
    planner.commit();
    expect(planner.refused().map(({ reason }) => reason)).toEqual([
      'port 15432: tcp.ports is not set, so tags may open no port',
      'there is no https listener to share; write sni:HOST:PORT',
    ]);
  });

  test('hash:ip, weights and shares choose as they do for HTTP', () => {
    expect(readTag('fairlead:tcp:1 balance=hash:ip weight=3', POLICY.dialects, POLICY)).toMatchObject({
      claim: { pool: { balance: { kind: 'hash', on: 'ip' }, weight: { kind: 'relative', value: 3 } } },
    });
    const planner = plannerOf(
      instance('a', 1, ['urlprefix-:15432 proto=tcp weight=0.25']),
      instance('b', 2, ['urlprefix-:15432 proto=tcp']),
    );
    expect(servers(planner, 'tcp:15432')).toEqual(['a-1=0.25', 'b-2=0.75']);
  });
});

describe('the planner', () => {
  test('the operator may open any port that is not taken', () => {
    const planner = new Planner(POLICY, [staticEntry('tcp:443', ['10.0.0.9:1'])]);
    planner.commit();
    expect(planner.routes.get('tcp:443')).toMatchObject({ pool: 'tcp:443', rule: { stream: { port: 443 } } });
  });

  test('two services that claim one port: the first by name has it, the other is listed', () => {
    const planner = plannerOf(
      instance('pg', 1, ['fairlead:tcp:15432']),
      instance('mysql', 9, ['fairlead:tcp:15432']),
    );
    expect(servers(planner, 'tcp:15432')).toEqual(['mysql-9=1']);
    expect(planner.conflicts()).toMatchObject([
      { service: 'pg', instance: 'node/pg-1', reason: expect.stringContaining('mysql has this route') },
    ]);
  });

  test('a plain route takes a whole port; names on it are listed', () => {
    const planner = plannerOf(
      instance('pg', 1, ['fairlead:tcp:15432']),
      instance('web', 1, ['fairlead:sni:a.com:15432', 'fairlead:sni:b.com:15433']),
    );
    expect(planner.conflicts()).toEqual([
      {
        ...{ provider: 'consul', service: 'web', instance: 'node/web-1', text: 'fairlead:sni:a.com:15432' },
        reason: 'fairlead:tcp:15432 of pg takes every connection to this port',
      },
    ]);
  });

  test('an unhealthy instance keeps the route, a service that left has none', () => {
    const tags = ['fairlead:tcp:15432', 'fairlead:a.com'];
    const planner = plannerOf(instance('db', 1, tags));
    setInstances(planner, instance('db', 1, tags, { health: 'critical' }));
    planner.commit();
    expect(servers(planner, 'tcp:15432')).toEqual([]);
    planner.setService('db', [instance('db', 1, tags)], true);
    expect(planner.commit().routes.drop).toEqual(['tcp:15432']);
    expect([...planner.routes.keys()]).toEqual(['a.com/']);
  });

  test('KV lines add to a port, take from it and weigh it; a host alone may be a TLS name', () => {
    const planner = plannerOf(
      instance('db', 1, ['urlprefix-:15432 proto=tcp']),
      instance('tls', 2, ['urlprefix-a.com/ proto=tcp']),
    );
    setLines(
      planner,
      'route add db :15432 tcp://10.0.0.7:5432',
      'route weight db :15432 weight 0.5',
      'route del tls a.com/',
    );
    planner.commit();
    expect(servers(planner, 'tcp:15432')).toEqual(['db-1=0.25', 'fabio/config:1=0.25']);
    expect(planner.routes.has('sni:a.com')).toBe(false);
    setLines(planner, 'route del db :15432');
    planner.commit();
    expect([...planner.routes.keys()]).toEqual(['sni:a.com']);
  });
});

describe('the table', () => {
  function table(...tags: string[]): StreamTable {
    const found = new StreamTable();
    for (const route of plannerOf(instance('s', 1, tags)).routes.values()) found.set(route);
    return found;
  }
  const idOf = (route: Route | null): string | null => route?.id ?? null;

  test('ports, names on ports, and names on the https listeners do not mix', () => {
    const found = table('fairlead:tcp:15001', 'fairlead:sni:a.com:15002', 'fairlead:sni:b.com');
    expect(idOf(found.onPort(15_001))).toBe('tcp:15001');
    expect(idOf(found.onPort(15_002))).toBe(null);
    expect(idOf(found.forName('a.com', 15_002))).toBe('sni:a.com:15002');
    expect(idOf(found.forName('a.com', 15_001))).toBe(null);
    expect(idOf(found.forName('b.com', 15_002))).toBe(null);
    expect(idOf(found.forSharedName('b.com', 'websecure'))).toBe('sni:b.com');
    expect(idOf(found.forSharedName('a.com', 'websecure'))).toBe(null);
  });

  test('an exact name before the longest wildcard, at any depth', () => {
    const names = ['a.com', '*.a.com', '*.x.a.com', 'y.x.a.com'];
    const found = table(...names.map((name) => `fairlead:sni:${name}:15002`));
    const ask = (name: string) => idOf(found.forName(name, 15_002))?.slice(4, -6) ?? null;
    expect(['a.com', 'b.a.com', 'c.x.a.com', 'y.x.a.com', 'z.y.x.a.com'].map(ask)).toEqual([
      ...['a.com', '*.a.com', '*.x.a.com', 'y.x.a.com', '*.x.a.com'],
    ]);
    expect(['', 'com', 'ba.com', '.a.com'].map(ask)).toEqual([null, null, null, '*.a.com']);
  });

  test('one that names its listener comes before one for all', () => {
    const found = table('fairlead:sni:a.com', 'fairlead:sni:a.com listener=websecure');
    expect(idOf(found.forSharedName('a.com', 'websecure'))).toBe('sni:a.com @websecure');
    expect(idOf(found.forSharedName('a.com', 'other'))).toBe('sni:a.com');
  });

  test('what is dropped leaves nothing', () => {
    const found = table('fairlead:tcp:15001', 'fairlead:sni:*.a.com:15002', 'fairlead:sni:b.com');
    expect(found.hasSharedNames).toBe(true);
    for (const { id } of [...found.routes()]) expect(found.drop(id)).toBe(true);
    expect(found.drop('tcp:15001')).toBe(false);
    expect([...found.routes(), found.onPort(15_001), found.forName('x.a.com', 15_002)]).toEqual([null, null]);
    expect(found.hasSharedNames).toBe(false);
  });
});
