import { describe, expect, test } from 'vitest';
import type { Instance } from '../../router/model.ts';
import {
  instance,
  NOTHING,
  namesOf,
  plannerOf,
  poolNames,
  servers,
  setInstances,
  setLines,
} from './catalog.ts';

const A = 'fairlead:a.com';
const B = 'fairlead:b.com';
const CRITICAL: Partial<Instance> = { health: 'critical' };

function namesFor(...instances: readonly Instance[]): Record<string, string | null> {
  const names = poolNames(plannerOf(...instances));
  expect(poolNames(plannerOf(...[...instances].reverse()))).toEqual(names);
  return names;
}

describe('names of pools', () => {
  test('routes of all instances share the one called like the service', () => {
    const planner = plannerOf(instance('web', 1, [A, B]), instance('web', 2, [B, A]));
    expect(poolNames(planner)).toEqual({ 'a.com/': 'web', 'b.com/': 'web' });
    expect(planner.pools.size).toBe(1);
  });

  test('instances without tags do not count', () => {
    expect(namesFor(instance('web', 1, [A]), instance('web', 2, []))).toEqual({ 'a.com/': 'web' });
  });

  test('routes of some instances have one of their own', () => {
    expect(namesFor(instance('web', 1, [A, B, 'fairlead:c.com']), instance('web', 2, [A]))).toEqual({
      'a.com/': 'web',
      'b.com/': 'web#b.com/',
      'c.com/': 'web#b.com/',
    });
  });

  test('other balancing, weights or limits are other pools', () => {
    const tags = [A, `${B} balance=rr`, 'fairlead:c.com weight=2', 'fairlead:d.com maxconn=5'];
    expect(namesFor(instance('web', 1, [...tags, 'fairlead:e.com maxconn=5']))).toEqual({
      'a.com/': 'web',
      'b.com/': 'web#b.com/',
      'c.com/': 'web#c.com/',
      'd.com/': 'web#d.com/',
      'e.com/': 'web#d.com/',
    });
  });

  test('other options are not', () => {
    expect(namesFor(instance('web', 1, [A, `${B} strip=/x retry=1 priority=3`]))).toEqual({
      'a.com/': 'web',
      'b.com/': 'web',
    });
  });

  test('a redirect has none and counts for nothing', () => {
    const redirect = 'fairlead:old.com redirect=301,https://a.com/';
    expect(namesFor(instance('web', 1, [A]), instance('web', 2, [redirect]))).toEqual({
      'a.com/': 'web',
      'old.com/': null,
    });
  });

  test('an instance whose tag redirects does not serve that route, only the others', () => {
    const planner = plannerOf(
      instance('web', 1, [`${A} redirect=301,https://b.com/`, B]),
      instance('web', 2, [A, B]),
    );
    expect(poolNames(planner)).toEqual({ 'a.com/': 'web#a.com/', 'b.com/': 'web' });
    expect(servers(planner, 'a.com/')).toEqual(['web-2=1']);
    expect(servers(planner, 'b.com/')).toEqual(['web-1=1', 'web-2=1']);
  });

  test('services whose names look like those of pools do not disturb them', () => {
    const planner = plannerOf(
      instance('web', 1, [A, B]),
      instance('web', 2, [B]),
      instance('web#a.com/', 3, ['fairlead:c.com']),
    );
    expect(poolNames(planner)).toEqual({
      'a.com/': 'web#a.com/',
      'b.com/': 'web',
      'c.com/': 'web#a.com/#c.com/',
    });
    expect(servers(planner, 'a.com/')).toEqual(['web-1=1']);
    expect(servers(planner, 'c.com/')).toEqual(['web#a.com/-3=1']);
  });

  test('a route of several services is called after all of them', () => {
    const F = 'urlprefix-a.com/';
    expect(namesFor(instance('web', 1, [F]), instance('api', 2, [F, B]))).toEqual({
      'a.com/ prefix': 'api+web#a.com/ prefix',
      'b.com/': 'api',
    });
  });

  test('a pool can pass from two services to one with both their names', () => {
    const F = 'urlprefix-a.com/';
    const planner = plannerOf(instance('api', 1, [F]), instance('web', 2, [F]));
    planner.setService('api', []);
    planner.setService('web', []);
    planner.setService('api+web', [
      instance('api+web', 3, [`${F} weight=0.5`]),
      instance('api+web', 4, ['fairlead:x.com']),
    ]);
    expect(namesOf(planner.commit())).toMatchObject({
      droppedPools: [],
      pools: ['api+web#a.com/ prefix', 'api+web#x.com/'],
    });
    expect(servers(planner, 'a.com/ prefix')).toEqual(['api+web-3=0.5']);
  });
});

describe('names stay', () => {
  test('while health changes', () => {
    const both = [instance('web', 1, [A, B]), instance('web', 2, [A])];
    const planner = plannerOf(...both);
    for (const flipped of [
      both,
      both.map((each) => ({ ...each, ...CRITICAL })),
      [{ ...both[0]!, ...CRITICAL }, both[1]!],
    ]) {
      setInstances(planner, ...flipped);
      expect(namesOf(planner.commit())).toMatchObject({ routes: [], dropped: [], droppedPools: [] });
    }
  });

  test('while health changes what a KV weight comes to', () => {
    const tags = ['urlprefix-a.com/', 'urlprefix-b.com/ weight=0.1'];
    const instances = [instance('web', 1, tags), instance('web', 2, tags)];
    const planner = plannerOf(...instances);
    setLines(planner, 'route weight web a.com/ weight 0.2');
    planner.commit();
    const names = poolNames(planner);
    setInstances(planner, instances[0]!, { ...instances[1]!, ...CRITICAL });
    expect(namesOf(planner.commit())).toMatchObject({ routes: [], dropped: [], droppedPools: [] });
    expect(poolNames(planner)).toEqual(names);
  });

  test('during a rolling deploy that changes options', () => {
    const old = [1, 2, 3].map((n) => instance('web', n, [A, B]));
    const planner = plannerOf(...old);
    const next = [4, 5, 6].map((n) => instance('web', n, [`${A} retry=1`, `${B} retry=1`]));
    for (const now of [
      [...old, next[0]!],
      [old[1]!, old[2]!, ...next.slice(0, 2)],
      [old[2]!, ...next],
      next,
    ]) {
      setInstances(planner, ...now);
      expect(namesOf(planner.commit())).toMatchObject({ pools: ['web'], dropped: [], droppedPools: [] });
      expect(poolNames(planner)).toEqual({ 'a.com/': 'web', 'b.com/': 'web' });
    }
  });

  test('during a rolling deploy that adds a route, for the routes there were', () => {
    const old = [1, 2].map((n) => instance('web', n, [A]));
    const planner = plannerOf(...old);
    const next = [3, 4].map((n) => instance('web', n, [A, B]));
    setInstances(planner, ...old, next[0]!);
    planner.commit();
    expect(poolNames(planner)).toEqual({ 'a.com/': 'web', 'b.com/': 'web#b.com/' });
    setInstances(planner, ...next);
    planner.commit();
    expect(poolNames(planner)).toEqual({ 'a.com/': 'web', 'b.com/': 'web' });
  });

  test('when another service comes or goes', () => {
    const planner = plannerOf(instance('web', 1, [A]));
    setInstances(planner, instance('api', 2, [B]));
    expect(namesOf(planner.commit())).toEqual({ ...NOTHING, routes: ['b.com/'], pools: ['api'] });
    planner.setService('api', []);
    expect(namesOf(planner.commit())).toEqual({ ...NOTHING, dropped: ['b.com/'], droppedPools: ['api'] });
  });
});
