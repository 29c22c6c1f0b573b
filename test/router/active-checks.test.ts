/** Which checks routes ask for, and what a failing one does to them. */
import { describe, expect, test } from 'vitest';
import type { CheckFact } from '../../router/model.ts';
import { Planner } from '../../router/planner.ts';
import {
  instance,
  Mirror,
  NOTHING,
  namesOf,
  POLICY,
  plannerOf,
  poolNames,
  servers,
  staticEntry,
} from './catalog.ts';

const A = 'fairlead:a.com check=/health';
const ID_1 = 'web@10.0.0.1:8000 /health 5000';
const ID_2 = 'web@10.0.0.2:8000 /health 5000';

function fact(more: Partial<CheckFact>): CheckFact {
  return { id: 'c', name: 'c', status: 'passing', output: '', isOfNode: false, ...more };
}

/** Ids of what began and what ended. */
function changes(planner: Planner): { set: string[]; drop: readonly string[] } {
  const { set, drop } = planner.takeCheckChanges();
  return { set: set.map(({ id }) => id), drop };
}

describe('who is checked', () => {
  test('each instance with the option, once', () => {
    const planner = plannerOf(instance('web', 1, [A]), instance('web', 2, ['fairlead:a.com']));
    expect(planner.takeCheckChanges()).toEqual({
      set: [
        {
          ...{ id: ID_1, endpoint: 'web@10.0.0.1:8000', service: 'web', address: '10.0.0.1', port: 8000 },
          ...{ path: '/health', intervalMs: 5000, host: 'a.com', protocol: 'http', tls: null },
        },
      ],
      drop: [],
    });
    expect(changes(planner)).toEqual({ set: [], drop: [] });
  });

  test.each([
    ['a check of its own', fact({}), false],
    ['a check of its own that gives a warning', fact({ status: 'warning' }), false],
    ['only a check of its node', fact({ id: 'serfHealth', isOfNode: true }), true],
  ])('an instance with %s', (_, check, isAsked) => {
    const one = { ...instance('web', 1, [A]), checks: [check] };
    const planner = plannerOf(one, instance('web', 2, [A]));
    expect(changes(planner).set).toEqual(isAsked ? [ID_1, ID_2] : [ID_2]);
    expect(planner.resolved.get('a.com/')!.checks.map((each) => each.check?.id ?? null)).toEqual(
      isAsked ? [ID_1, ID_2] : [null, ID_2],
    );
    expect(servers(planner, 'a.com/')).toEqual(['web-1=1', 'web-2=1']);
  });

  test('an instance whose check comes and goes in Consul', () => {
    const one = instance('web', 1, [A]);
    const planner = plannerOf(one);
    changes(planner);
    planner.setDown(ID_1, true);
    planner.commit();
    expect(servers(planner, 'a.com/')).toEqual([]);
    planner.setService('web', [{ ...one, checks: [fact({})] }]);
    planner.commit();
    expect(changes(planner)).toEqual({ set: [], drop: [ID_1] });
    expect(servers(planner, 'a.com/')).toEqual(['web-1=1']);
    // The mark of maintenance is no check, and while it lasts there is nothing to ask.
    const maintenance = fact({ id: '_service_maintenance:web-1', status: 'maintenance' });
    planner.setService('web', [{ ...one, health: 'maintenance', checks: [maintenance] }]);
    planner.commit();
    expect(changes(planner)).toEqual({ set: [], drop: [] });
    planner.setService('web', [one]);
    planner.commit();
    expect(changes(planner)).toEqual({ set: [ID_1], drop: [] });
    expect(servers(planner, 'a.com/')).toEqual(['web-1=1']);
  });

  test('nobody of a service that is gone, critical, or only redirects', () => {
    const planner = plannerOf(
      instance('gone', 1, ['fairlead:b.com check=/health']),
      instance('bad', 2, ['fairlead:c.com check=/health'], { health: 'critical' }),
      instance('old', 3, ['fairlead:d.com check=/health redirect=301,https://a.com/']),
    );
    expect(changes(planner).set).toEqual(['gone@10.0.0.1:8000 /health 5000']);
    planner.setService('gone', [instance('gone', 1, ['fairlead:b.com check=/health'])], true);
    planner.commit();
    expect(changes(planner)).toEqual({ set: [], drop: ['gone@10.0.0.1:8000 /health 5000'] });
    expect(poolNames(planner)).toEqual({ 'b.com/': 'gone', 'c.com/': 'bad', 'd.com/': null });
  });

  test('fixed addresses of a static route, and instances of a service it names', () => {
    const planner = new Planner(POLICY, [
      staticEntry('a.com check=/up,1s', ['10.1.0.1:80', '10.1.0.2:80 weight=2']),
      staticEntry('b.com check=/up,1s', 'web'),
    ]);
    planner.setService('web', [instance('web', 1, [])]);
    planner.commit();
    expect(changes(planner).set).toEqual([
      'a.com/@10.1.0.1:80 /up 1000',
      'a.com/@10.1.0.2:80 /up 1000',
      'web@10.0.0.1:8000 /up 1000',
    ]);
    planner.setDown('a.com/@10.1.0.1:80 /up 1000', true);
    planner.commit();
    expect(servers(planner, 'a.com/')).toEqual(['10.1.0.2:80=2']);
    // A reload of the same routes disturbs nothing.
    planner.setStatics([
      staticEntry('a.com check=/up,1s', ['10.1.0.1:80', '10.1.0.2:80 weight=2']),
      staticEntry('b.com check=/up,1s', 'web'),
    ]);
    expect(namesOf(planner.commit())).toEqual(NOTHING);
    expect(changes(planner)).toEqual({ set: [], drop: [] });
    expect(servers(planner, 'a.com/')).toEqual(['10.1.0.2:80=2']);
  });

  test.each([
    ['a.com/x', 'a.com'],
    ['/x', '10.0.0.1:8000'],
    ['*.a.com', '10.0.0.1:8000'],
    ['[2001:db8::1]', '[2001:db8::1]'],
    ['a.com host=instance', '10.0.0.1:8000'],
    ['a.com host=b.internal', 'b.internal'],
  ])('for %s the question is for %s', (rule, host) => {
    const planner = plannerOf(instance('web', 1, [`fairlead:${rule} check=/health`]));
    expect(planner.takeCheckChanges().set.map((check) => check.host)).toEqual([host]);
  });

  test('instances with TLS are asked as requests are', () => {
    const planner = plannerOf(instance('web', 1, ['fairlead:a.com proto=https insecure check=/health']));
    expect(planner.takeCheckChanges().set).toMatchObject([
      { protocol: 'https', tls: { name: 'a.com', isInsecure: true } },
    ]);
  });
});

describe('a check that fails', () => {
  const [one, two] = [instance('web', 1, [A]), instance('web', 2, [A])];

  test('takes its endpoint out and back with one pool each, as a flip in Consul does', () => {
    const planner = plannerOf(one, two, instance('api', 3, ['fairlead:b.com']));
    changes(planner);
    planner.setDown(ID_2, true);
    expect(namesOf(planner.commit())).toEqual({ ...NOTHING, pools: ['web'] });
    expect(servers(planner, 'a.com/')).toEqual(['web-1=1']);
    // The check goes on, or it could never be back.
    expect(changes(planner)).toEqual({ set: [], drop: [] });
    planner.setDown(ID_2, false);
    expect(namesOf(planner.commit())).toEqual({ ...NOTHING, pools: ['web'] });
    expect(servers(planner, 'a.com/')).toEqual(['web-1=1', 'web-2=1']);
  });

  test('may be the last: nobody stays in for want of others', () => {
    const planner = plannerOf(one, two);
    for (const id of [ID_1, ID_2]) planner.setDown(id, true);
    planner.commit();
    expect(servers(planner, 'a.com/')).toEqual([]);
    expect(poolNames(planner)).toEqual({ 'a.com/': 'web' });
  });

  test('means the routes with this check alone; they keep their pools by name', () => {
    const tags = [A, 'fairlead:b.com check=/health', 'fairlead:c.com check=/deep,1s', 'fairlead:d.com'];
    const planner = plannerOf(instance('web', 1, tags), instance('web', 2, tags));
    const names = { 'a.com/': 'web', 'b.com/': 'web', 'c.com/': 'web#c.com/', 'd.com/': 'web#d.com/' };
    expect(poolNames(planner)).toEqual(names);
    expect(changes(planner).set.length).toBe(4);
    planner.setDown(ID_1, true);
    planner.commit();
    expect(['a.com/', 'b.com/', 'c.com/', 'd.com/'].map((id) => servers(planner, id)!.length)).toEqual([
      1, 1, 2, 2,
    ]);
    expect(poolNames(planner)).toEqual(names);
  });

  test('keeps its pools by name through maintenance', () => {
    const tags = [A, 'fairlead:d.com'];
    const [first, second] = [instance('web', 1, tags), instance('web', 2, tags)];
    const planner = plannerOf(first, second);
    const names = poolNames(planner);
    expect(names).toEqual({ 'a.com/': 'web', 'd.com/': 'web#d.com/' });
    const mark = fact({ id: '_service_maintenance:x', status: 'maintenance' });
    planner.setService(
      'web',
      [first, second].map((each) => ({ ...each, health: 'maintenance', checks: [mark] })),
    );
    planner.commit();
    expect(poolNames(planner)).toEqual(names);
  });

  test('is forgotten with the last route that needs it, and unknown ones change nothing', () => {
    const planner = plannerOf(instance('web', 1, [A, 'fairlead:b.com check=/health']));
    expect(planner.takeCheckChanges().set).toMatchObject([{ id: ID_1, host: 'a.com' }]);
    planner.setDown(ID_1, true);
    planner.commit();
    // Without the first route the same check asks for the other's host.
    planner.setService('web', [instance('web', 1, ['fairlead:b.com check=/health'])]);
    planner.commit();
    expect(planner.takeCheckChanges()).toMatchObject({ set: [{ id: ID_1, host: 'b.com' }], drop: [] });
    expect(servers(planner, 'b.com/')).toEqual([]);
    planner.setService('web', []);
    planner.commit();
    expect(changes(planner)).toEqual({ set: [], drop: [ID_1] });
    planner.setDown(ID_1, true);
    planner.setService('web', [one]);
    planner.commit();
    expect(servers(planner, 'a.com/')).toEqual(['web-1=1']);
  });

  test('of an old registration does not bind the new one at the same address', () => {
    // Two registrations of one address are one endpoint: the newer says how it is checked.
    const twin = { ...instance('web', 2, ['fairlead:a.com']), address: '10.0.0.1' };
    const planner = plannerOf(one, twin);
    expect(changes(planner).set).toEqual([]);
    expect(servers(planner, 'a.com/')).toEqual(['web-2=1']);
  });

  test('sends workers what a fresh table would say', () => {
    const [planner, mirror] = [new Planner(POLICY), new Mirror()];
    planner.setService('web', [one, two]);
    for (const [id, isDown] of [
      [ID_1, true],
      [ID_2, true],
      [ID_1, false],
      [ID_1, false],
    ] as const) {
      mirror.apply(planner.commit());
      planner.setDown(id, isDown);
    }
    mirror.apply(planner.commit());
    expect([...mirror.pools.values()]).toEqual([...planner.pools.values()]);
    expect(servers(planner, 'a.com/')).toEqual(['web-1=1']);
  });
});
