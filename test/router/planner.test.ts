import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseFabioCommands } from '../../router/fabio-commands.ts';
import type { Instance } from '../../router/model.ts';
import { Planner } from '../../router/planner.ts';
import type { StaticEntry } from '../../router/static-routes.ts';
import {
  instance,
  Mirror,
  NOTHING,
  namesOf,
  POLICY,
  plannerOf,
  poolNames,
  servers,
  setInstances,
  setLines,
  staticEntry,
} from './catalog.ts';

const A = 'fairlead:a.com';
const CRITICAL = { health: 'critical' } as const;

describe('what a change sends', () => {
  const [one, two] = [instance('web', 1, [A]), instance('web', 2, [A])];

  test('a new service: its route and its pool', () => {
    const planner = new Planner(POLICY);
    planner.setService('web', [one]);
    expect(planner.routes.size).toBe(0);
    const delta = planner.commit();
    expect(delta).toEqual({
      routes: {
        set: [
          {
            id: 'a.com/',
            rule: { host: 'a.com', path: '/', match: 'segment', methods: null, listeners: null, priority: 0 },
            pool: 'web',
            service: 'web',
            options: {},
            source: { provider: 'consul', service: 'web', instances: ['node/web-1'], text: A },
          },
        ],
        drop: [],
      },
      pools: {
        set: [
          {
            name: 'web',
            service: 'web',
            balance: { kind: 'least' },
            maxconn: null,
            endpoints: [
              {
                id: 'web@10.0.0.1:8000',
                address: '10.0.0.1',
                port: 8000,
                protocol: 'http',
                weight: 1,
                instance: 'node/web-1',
              },
            ],
          },
        ],
        drop: [],
      },
    });
    expect(planner.routes.get('a.com/')).toBe(delta.routes.set[0]);
    expect(planner.pools.get('web')).toBe(delta.pools.set[0]);
  });

  test('a flip: one pool and no route', () => {
    const planner = plannerOf(one, two, instance('api', 3, ['fairlead:b.com']));
    const [route, other] = [planner.routes.get('a.com/'), planner.pools.get('api')];
    planner.setService('web', [one, { ...two, ...CRITICAL }]);
    expect(namesOf(planner.commit())).toEqual({ ...NOTHING, pools: ['web'] });
    expect(servers(planner, 'a.com/')).toEqual(['web-1=1']);
    expect(planner.routes.get('a.com/')).toBe(route);
    expect(planner.pools.get('api')).toBe(other);
  });

  test.each([
    ['the same again', [one, two]],
    ['in another order', [two, one]],
    ['equal copies', [structuredClone(one), { ...two, meta: { build: '7' } }]],
    [
      'another check output',
      [
        {
          ...one,
          checks: [{ id: 'c', name: 'c', status: 'passing', output: 'x', isOfNode: true }],
        } as Instance,
        two,
      ],
    ],
    ['a warning of the same weight', [one, { ...two, health: 'warning' } as Instance]],
    ['tags of others', [{ ...one, tags: ['v2', A] }, two]],
    ['a tag twice', [{ ...one, tags: [A, A] }, two]],
    ['a registration of the same age', [one, { ...two, createIndex: 9 }]],
  ])('nothing for %s', (_, instances) => {
    const planner = plannerOf(one, two);
    const pool = planner.pools.get('web');
    planner.setService('web', instances);
    expect(namesOf(planner.commit())).toEqual(NOTHING);
    expect(planner.pools.get('web')).toBe(pool);
    expect(namesOf(planner.commit())).toEqual(NOTHING);
  });

  test('there and back within one commit: nothing', () => {
    const planner = plannerOf(one, two);
    planner.setService('web', []);
    planner.setService('web', [one, two]);
    expect(namesOf(planner.commit())).toEqual(NOTHING);
  });

  test('another way to balance: the pool alone; another option: the route alone', () => {
    const planner = plannerOf(one);
    planner.setService('web', [{ ...one, tags: [`${A} balance=rr`] }]);
    // The route says where it comes from, so its text is sent too.
    expect(namesOf(planner.commit())).toEqual({ ...NOTHING, pools: ['web'], routes: ['a.com/'] });
    planner.setService('web', [{ ...one, tags: [`${A} balance=rr strip=/x`] }]);
    expect(namesOf(planner.commit())).toEqual({ ...NOTHING, routes: ['a.com/'] });
  });

  test('another limit: the pool alone, under its name', () => {
    const planner = plannerOf(one);
    planner.setService('web', [{ ...one, tags: [`${A} maxconn=5`] }]);
    expect(namesOf(planner.commit())).toEqual({ ...NOTHING, pools: ['web'], routes: ['a.com/'] });
    expect(planner.pools.get('web')?.maxconn).toBe(5);
  });

  test('a tag that moves: the old route goes, the new one comes, the pool stays', () => {
    const planner = plannerOf(one);
    planner.setService('web', [{ ...one, tags: ['fairlead:b.com'] }]);
    expect(namesOf(planner.commit())).toEqual({ ...NOTHING, routes: ['b.com/'], dropped: ['a.com/'] });
  });
});

describe('a service that is gone', () => {
  const one = instance('web', 1, [A]);

  test('keeps its routes with an empty pool, then is forgotten', () => {
    const planner = plannerOf(one);
    planner.setService('web', [one], true);
    expect(namesOf(planner.commit())).toEqual({ ...NOTHING, pools: ['web'] });
    expect(servers(planner, 'a.com/')).toEqual([]);
    planner.setService('web', []);
    expect(namesOf(planner.commit())).toEqual({ ...NOTHING, dropped: ['a.com/'], droppedPools: ['web'] });
    expect(planner.routes.size + planner.pools.size + planner.resolved.size).toBe(0);
  });

  test('and comes back', () => {
    const planner = plannerOf(one);
    planner.setService('web', [one], true);
    planner.commit();
    planner.setService('web', [one]);
    expect(namesOf(planner.commit())).toEqual({ ...NOTHING, pools: ['web'] });
    expect(servers(planner, 'a.com/')).toEqual(['web-1=1']);
  });

  test('leaves its route to a successor under another name at once', () => {
    const planner = plannerOf(one, instance('web2', 2, [A]));
    expect(planner.routes.get('a.com/')!.service).toBe('web');
    expect(planner.conflicts()).toHaveLength(1);
    planner.setService('web', [one], true);
    expect(namesOf(planner.commit())).toEqual({
      ...NOTHING,
      routes: ['a.com/'],
      pools: ['web2'],
      droppedPools: ['web'],
    });
    expect(servers(planner, 'a.com/')).toEqual(['web2-2=1']);
    expect(planner.conflicts()).toEqual([]);
  });
});

describe('what is set aside', () => {
  test('bad tags are listed with service, instance and reason; the others apply', () => {
    const planner = plannerOf(
      instance('web', 1, [A, 'fairlead:b.com weight=x', 'fairlead:c.com listener=typo']),
      instance('api', 2, ['fairlead:d.com']),
    );
    expect([...planner.routes.keys()].sort()).toEqual(['a.com/', 'd.com/']);
    expect(planner.refused().map(({ service, instance: id, text }) => [service, id, text])).toEqual([
      ['web', 'node/web-1', 'fairlead:b.com weight=x'],
      ['web', 'node/web-1', 'fairlead:c.com listener=typo'],
    ]);
    planner.setService('web', [instance('web', 1, [A])]);
    expect(planner.refused()).toEqual([]);
  });

  test('a service with nothing but bad tags has no route', () => {
    const planner = plannerOf(instance('web', 1, ['fairlead:']));
    expect(planner.routes.size).toBe(0);
    expect(planner.refused()).toHaveLength(1);
    planner.setService('web', []);
    planner.commit();
    expect(planner.refused()).toEqual([]);
  });

  test('conflicts appear and disappear with their cause', () => {
    const planner = plannerOf(instance('web', 2, [A]), instance('api', 1, [A]));
    expect(planner.conflicts()).toMatchObject([{ service: 'web', text: A }]);
    planner.setService('api', []);
    planner.commit();
    expect(planner.conflicts()).toEqual([]);
    expect(planner.routes.get('a.com/')!.service).toBe('web');
  });
});

describe('static routes', () => {
  const one = instance('web', 1, [A]);

  test('with instances of their own', () => {
    const planner = new Planner(POLICY, [
      staticEntry('files.com/x strip', ['10.1.1.1:80 weight=3', '[2001:db8::1]:81']),
    ]);
    planner.commit();
    expect(planner.routes.get('files.com/x')).toMatchObject({
      options: { strip: '/x' },
      source: { provider: 'file' },
    });
    expect(servers(planner, 'files.com/x')).toEqual(['10.1.1.1:80=3', '[2001:db8::1]:81=1']);
  });

  test('that redirect have no pool and no instance', () => {
    const planner = new Planner(POLICY, [staticEntry('old.com redirect=301,https://new.com/', [])]);
    expect(namesOf(planner.commit())).toEqual({ ...NOTHING, routes: ['old.com/'] });
    expect(planner.routes.get('old.com/')).toMatchObject({ pool: null, source: { instances: [] } });
  });

  test('for a service: all its instances, tagged or not; without any the route stands all the same', () => {
    const planner = new Planner(POLICY, [staticEntry('b.com', 'web')]);
    planner.commit();
    expect(planner.routes.get('b.com/')!.source.instances).toEqual([]);
    expect(servers(planner, 'b.com/')).toEqual([]);
    planner.setService('web', [one, instance('web', 2, [])]);
    planner.commit();
    expect(servers(planner, 'b.com/')).toEqual(['web-1=1', 'web-2=1']);
    expect(servers(planner, 'a.com/')).toEqual(['web-1=1']);
    planner.setService('web', [one, instance('web', 2, [])], true);
    planner.commit();
    expect(servers(planner, 'b.com/')).toEqual([]);
    planner.setService('web', []);
    planner.commit();
    expect(poolNames(planner)).toEqual({ 'b.com/': 'web' });
    expect(servers(planner, 'b.com/')).toEqual([]);
  });

  test('are replaced as a whole, with the instances that are known already', () => {
    const planner = plannerOf(one, instance('web', 2, []));
    planner.setStatics([staticEntry('b.com', 'web'), staticEntry('c.com', ['10.1.1.1:80'])]);
    expect(namesOf(planner.commit())).toEqual({
      ...NOTHING,
      routes: ['c.com/', 'b.com/'],
      pools: ['c.com/', 'web#b.com/'],
    });
    expect(servers(planner, 'b.com/')).toEqual(['web-1=1', 'web-2=1']);
    planner.setStatics([staticEntry('b.com', 'web')]);
    expect(namesOf(planner.commit())).toEqual({ ...NOTHING, dropped: ['c.com/'], droppedPools: ['c.com/'] });
    planner.setStatics([]);
    expect(namesOf(planner.commit())).toEqual({
      ...NOTHING,
      dropped: ['b.com/'],
      droppedPools: ['web#b.com/'],
    });
  });

  test('beat tags while they are there, and give the rule back', () => {
    const planner = plannerOf(one);
    planner.setStatics([staticEntry('a.com', ['10.1.1.1:80'])]);
    planner.commit();
    expect(servers(planner, 'a.com/')).toEqual(['10.1.1.1:80=1']);
    expect(planner.conflicts()).toMatchObject([{ service: 'web', text: A }]);
    planner.setStatics([]);
    planner.commit();
    expect(servers(planner, 'a.com/')).toEqual(['web-1=1']);
    expect(planner.conflicts()).toEqual([]);
  });

  test('for a service whose tags say the same, and when they go', () => {
    const planner = plannerOf(one);
    planner.setStatics([staticEntry('a.com strip=/x', 'web')]);
    planner.commit();
    expect(planner.routes.get('a.com/')!.options).toEqual({ strip: '/x' });
    planner.setService('web', []);
    planner.commit();
    expect(servers(planner, 'a.com/')).toEqual([]);
    planner.setService('web', [one]);
    planner.setStatics([]);
    planner.commit();
    expect(planner.routes.get('a.com/')!.options).toEqual({});
  });

  test('of two with one rule the first counts, the other is set aside', () => {
    const planner = new Planner(POLICY, [
      staticEntry('a.com', ['10.1.1.1:80']),
      staticEntry('A.com/', 'web'),
    ]);
    planner.commit();
    expect(servers(planner, 'a.com/')).toEqual(['10.1.1.1:80=1']);
    expect(planner.refused()).toMatchObject([{ provider: 'file', service: 'web', text: 'A.com/' }]);
  });
});

describe('KV commands', () => {
  const fabio = (number: number, more: Partial<Instance> = {}) =>
    instance('web', number, ['urlprefix-a.com/', 'blue'], more);

  test('a line that cannot be served is set aside, the others apply', () => {
    const planner = plannerOf(fabio(1));
    setLines(planner, 'route add web :5432 tcp://10.0.0.7:80', 'route add web b.com/ http://10.0.0.8:80/');
    planner.commit();
    expect(planner.refused()).toEqual([
      {
        provider: 'kv',
        service: '',
        instance: 'fabio/config:1',
        text: 'route add web :5432 tcp://10.0.0.7:80',
        reason: expect.stringContaining('5432'),
      },
    ]);
    expect(servers(planner, 'a.com/ prefix')).toEqual(['web-1=1']);
    expect(servers(planner, 'b.com/ prefix')).toEqual(['fabio/config:2=1']);
    planner.setCommands([], []);
    planner.commit();
    expect(planner.refused()).toEqual([]);
    expect([...planner.routes.keys()]).toEqual(['a.com/ prefix']);
  });

  test('apply to what comes later too', () => {
    const planner = new Planner(POLICY);
    setLines(planner, 'route weight web a.com/ weight 0.1 tags "green"');
    planner.commit();
    setInstances(planner, fabio(1));
    planner.commit();
    expect(servers(planner, 'a.com/ prefix')).toEqual(['web-1=1']);
    planner.setService('web', [fabio(1), instance('web', 2, ['urlprefix-a.com/', 'green'])]);
    planner.commit();
    expect(servers(planner, 'a.com/ prefix')).toEqual(['web-1=0.9', 'web-2=0.1']);
  });

  test('leave native routes alone', () => {
    const planner = plannerOf(instance('web', 1, [A]));
    setLines(planner, 'route del web', 'route weight web a.com/ weight 0.1');
    expect(namesOf(planner.commit())).toEqual(NOTHING);
  });

  test('the same lines again send nothing', () => {
    const planner = plannerOf(fabio(1), fabio(2));
    const lines = [
      'route weight web a.com/ weight 0.3 tags "blue"',
      'route add api a.com/ http://10.0.0.9:80/',
    ];
    setLines(planner, ...lines);
    expect(namesOf(planner.commit()).routes).toEqual(['a.com/ prefix']);
    setLines(planner, ...lines);
    expect(namesOf(planner.commit())).toEqual(NOTHING);
  });

  test('a deleted route comes back when the line goes', () => {
    const planner = plannerOf(fabio(1));
    setLines(planner, 'route del web a.com/');
    expect(namesOf(planner.commit())).toMatchObject({ dropped: ['a.com/ prefix'], droppedPools: ['web'] });
    planner.setCommands([], []);
    expect(namesOf(planner.commit())).toMatchObject({ routes: ['a.com/ prefix'], pools: ['web'] });
  });
});

describe('any sequence of news', () => {
  const TAGS = [
    A,
    'fairlead:a.com retry=1',
    'fairlead:a.com/x weight=3',
    'fairlead:b.com balance=rr',
    'fairlead:b.com redirect=301,https://a.com/',
    'fairlead:b.com listener=nowhere',
    'fairlead:c.com methods=GET',
    'urlprefix-a.com/',
    'urlprefix-a.com/ weight=0.2',
    'urlprefix-b.com/x strip=/x',
    'urlprefix-b.com/x redirect=301,https://a.com/',
    'fairlead:bad option',
    'blue',
  ];
  const LINES = [
    'route add web a.com/ http://10.0.0.9:80/ weight 0.3 tags "blue"',
    'route add new n.com/ http://10.0.0.1:8000/',
    'route add api b.com/x http://10.0.0.2:8000/',
    'route add web s.com/ https://10.0.0.9/',
    'route add web old.com/ https://new.com/ opts "redirect=301"',
    'route del web',
    'route del web a.com/',
    'route del api a.com/ http://10.0.0.2:8000/',
    'route del tags "blue"',
    'route weight web a.com/ weight 0.4',
    'route weight a.com/ weight 0.25 tags "blue"',
    'route weight web b.com/x weight 0',
  ];
  const STATICS = [
    staticEntry('a.com', 'web'),
    staticEntry('a.com strip=/x', ['10.1.1.1:80']),
    staticEntry('b.com', 'web'),
    staticEntry('c.com methods=GET', 'api'),
    staticEntry('d.com', ['10.1.1.1:80', '10.1.1.2:80 weight=2']),
    staticEntry('d.com/old redirect=308,/new', []),
    staticEntry('d.com', 'nobody'),
  ];
  const SERVICES = ['web', 'api', 'api+web', 'web#a.com/', 'new'];

  const anyInstance = fc.record({
    number: fc.integer({ min: 1, max: 4 }),
    tags: fc.subarray(TAGS, { maxLength: 4 }),
    health: fc.constantFrom<Instance['health']>('passing', 'passing', 'warning', 'critical'),
    createIndex: fc.integer({ min: 1, max: 3 }),
    address: fc.constantFrom('10.0.0.1', '10.0.0.2'),
  });
  const instances = fc.uniqueArray(anyInstance, { maxLength: 3, selector: ({ number }) => number });
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('service' as const),
        service: fc.constantFrom(...SERVICES),
        instances,
        isGone: fc.integer({ max: 5, min: 0 }).map((n) => n === 0),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('lines' as const),
        lines: fc.shuffledSubarray(LINES, { maxLength: 4 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('statics' as const),
        statics: fc.shuffledSubarray(STATICS, { maxLength: 4 }),
      }),
    },
    { weight: 3, arbitrary: fc.constant({ kind: 'commit' as const }) },
  );

  interface Inputs {
    readonly services: Map<string, { readonly instances: readonly Instance[]; readonly isGone: boolean }>;
    lines: readonly string[];
    statics: readonly StaticEntry[];
  }

  function commandsOf(lines: readonly string[]) {
    return parseFabioCommands([{ key: 'k', text: lines.join('\n') }]).commands;
  }

  /** The same inputs in another order. */
  function fresh({ services, lines, statics }: Inputs): Planner {
    const planner = new Planner(POLICY);
    planner.setCommands(commandsOf(lines), []);
    for (const [service, { instances: its, isGone }] of [...services].sort().reverse()) {
      planner.setService(service, [...its].reverse(), isGone);
    }
    planner.setStatics(statics);
    planner.commit();
    return planner;
  }

  test('ends where the last inputs alone would have led, and the deltas add up to it', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 15 }), (steps) => {
        const planner = new Planner(POLICY);
        const mirror = new Mirror();
        const inputs: Inputs = { services: new Map(), lines: [], statics: [] };
        for (const each of [...steps, { kind: 'commit' as const }]) {
          switch (each.kind) {
            case 'service': {
              const { service, isGone } = each;
              const its = each.instances.map(({ number, tags, ...more }) =>
                instance(service, number, tags, more),
              );
              inputs.services.set(service, { instances: its, isGone });
              planner.setService(service, its, isGone);
              break;
            }
            case 'lines':
              inputs.lines = each.lines;
              planner.setCommands(commandsOf(each.lines), []);
              break;
            case 'statics':
              inputs.statics = each.statics;
              planner.setStatics(each.statics);
              break;
            case 'commit':
              mirror.apply(planner.commit());
          }
        }
        const other = fresh(inputs);
        expect(mirror.routes).toEqual(planner.routes);
        expect(mirror.pools).toEqual(planner.pools);
        expect(planner.routes).toEqual(other.routes);
        expect(planner.pools).toEqual(other.pools);
        expect(texts(planner.refused())).toEqual(texts(other.refused()));
        expect(texts(planner.conflicts())).toEqual(texts(other.conflicts()));
        for (const { service, endpoints } of planner.pools.values()) {
          expect(new Set(endpoints.map(({ id }) => id)).size).toBe(endpoints.length);
          expect(endpoints.every(({ weight }) => weight >= 0)).toBe(true);
          expect(SERVICES.concat('d.com/', 'a.com/', 'nobody')).toContain(service);
        }
        const used = new Set([...planner.routes.values()].map(({ pool }) => pool));
        expect([...planner.pools.keys()].filter((name) => !used.has(name))).toEqual([]);
      }),
      { seed: 17, numRuns: 3_000 },
    );
  });

  function texts(values: readonly unknown[]): string[] {
    return values.map((value) => JSON.stringify(value)).sort();
  }

  test('a flip of health renames no pool', () => {
    const flips = fc.array(
      fc.tuple(fc.nat(), fc.constantFrom<Instance['health']>('passing', 'warning', 'critical')),
      {
        maxLength: 8,
      },
    );
    fc.assert(
      fc.property(instances, instances, fc.subarray(LINES), flips, (web, api, lines, changes) => {
        const all = [
          ...web.map(({ number, tags, ...more }) => instance('web', number, tags, more)),
          ...api.map(({ number, tags, ...more }) => instance('api', number, tags, more)),
        ];
        const planner = plannerOf(...all);
        planner.setCommands(commandsOf(lines), []);
        planner.commit();
        const names = poolNames(planner);
        for (const [nth, health] of changes) {
          if (all.length === 0) break;
          const at = nth % all.length;
          all[at] = { ...all[at]!, health };
          setInstances(planner, ...all);
          expect(namesOf(planner.commit())).toMatchObject({ dropped: [], droppedPools: [] });
          expect(poolNames(planner)).toEqual(names);
        }
      }),
      { seed: 19, numRuns: 500 },
    );
  });
});

describe('with 10,000 services', () => {
  const COUNT = 10_000;
  const service = (i: number, health: Instance['health'] = 'passing'): Instance[] => {
    const tags = i % 2 === 0 ? [`fairlead:s${i}.com`] : [`urlprefix-/s${i}`];
    return [instance(`s${i}`, 1, tags, { health }), instance(`s${i}`, 2, tags)];
  };

  test('a flip touches its own pool alone, and a thousand take less than two seconds', () => {
    const planner = new Planner(POLICY, [staticEntry('static.com', 's0')]);
    for (let i = 0; i < COUNT; i++) planner.setService(`s${i}`, service(i));
    setLines(planner, 'route weight s1 /s1 weight 0.5', 'route del nobody');
    expect(planner.commit().routes.set).toHaveLength(COUNT + 1);
    const resolved = new Map(planner.resolved);
    const start = performance.now();
    for (let n = 0; n < 1_000; n++) {
      const i = (n * 7919) % COUNT;
      planner.setService(`s${i}`, service(i, 'critical'));
      expect(namesOf(planner.commit())).toEqual({ ...NOTHING, pools: [`s${i}`] });
    }
    expect(performance.now() - start).toBeLessThan(2_000);
    const changed = [...planner.resolved].filter(([key, value]) => resolved.get(key) !== value);
    // The static route of `s0` is decided with it.
    expect(changed).toHaveLength(1_001);
  });

  test('as many KV lines as that are applied in reasonable time', () => {
    const planner = new Planner(POLICY);
    for (let i = 0; i < 2_000; i++) planner.setService(`s${i}`, service(i));
    const lines = Array.from(
      { length: 1_000 },
      (_, i) => `route weight s${2 * i + 1} /s${2 * i + 1} weight 0.5`,
    );
    const start = performance.now();
    setLines(planner, ...lines);
    planner.commit();
    expect(performance.now() - start).toBeLessThan(3_000);
  });
});
