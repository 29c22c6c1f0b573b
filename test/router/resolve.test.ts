import { describe, expect, test } from 'vitest';
import { type Member, readService } from '../../router/members.ts';
import type { Instance } from '../../router/model.ts';
import { type Resolved, resolve } from '../../router/resolve.ts';
import { staticMembers } from '../../router/static-routes.ts';
import { instance, POLICY, staticEntry } from './catalog.ts';

function claimsOf(...instances: readonly Instance[]): Member[] {
  return instances.flatMap((each) => [...readService(each.service, [each], POLICY).members.values()].flat());
}

/** The decision, the same whatever the order of the claims. */
function decide(...claims: readonly Member[]): Resolved {
  const decided = resolve('key', claims)!;
  expect(resolve('key', [...claims].reverse())).toEqual(decided);
  expect(resolve('key', [...claims.slice(1), ...claims.slice(0, 1)])).toEqual(decided);
  return decided;
}

function weightsOf({ endpoints }: Resolved): Record<string, number> {
  return Object.fromEntries(
    endpoints.map(({ instance: name, weight }) => [name.replace('node/', ''), weight]),
  );
}

const A = 'fairlead:a.com';
const FABIO = 'urlprefix-a.com/';

test('no claims, no route', () => {
  expect(resolve('key', [])).toBeNull();
});

describe('two services that claim one rule natively', () => {
  test('do not mix: the first by name has it, the other is listed', () => {
    const decided = decide(
      ...claimsOf(instance('web', 2, [A]), instance('api', 1, [A]), instance('web', 3, [A])),
    );
    expect(decided.services).toEqual(['api']);
    expect(weightsOf(decided)).toEqual({ 'api-1': 1 });
    const reason = 'api has this route: it comes first by name';
    expect(decided.conflicts).toEqual(
      ['node/web-2', 'node/web-3'].map((id) => ({
        provider: 'consul',
        service: 'web',
        instance: id,
        text: A,
        reason,
      })),
    );
  });

  test('by the name of the service, not of its instances', () => {
    const claims = claimsOf(instance('web', 1, [A], { id: 'a/1' }), instance('api', 1, [A], { id: 'z/1' }));
    expect(decide(...claims).services).toEqual(['api']);
  });

  test('even when its instances are all critical', () => {
    const decided = decide(
      ...claimsOf(instance('web', 2, [A]), instance('api', 1, [A], { health: 'critical' })),
    );
    expect(decided.services).toEqual(['api']);
    expect(decided.endpoints).toEqual([]);
  });

  test('but one that left the catalog stands back, without being called a conflict', () => {
    const gone = [...readService('api', [instance('api', 1, [A])], POLICY, true).members.values()].flat();
    const decided = decide(...gone, ...claimsOf(instance('web', 2, [A])));
    expect(decided.services).toEqual(['web']);
    expect(decided.conflicts).toEqual([]);
    expect(decide(...gone).endpoints).toEqual([]);
  });
});

describe('within a service', () => {
  test('the newest registration says what the options are, the others serve all the same', () => {
    const decided = decide(
      ...claimsOf(
        instance('web', 1, [`${A} balance=rr retry=1`]),
        instance('web', 3, [`${A} strip=/x`]),
        instance('web', 2, [`${A} strip=/x`]),
      ),
    );
    expect(decided.options).toEqual({ strip: '/x' });
    expect(decided.balance).toEqual({ kind: 'least' });
    expect(decided.text).toBe(`${A} strip=/x`);
    expect(Object.keys(weightsOf(decided))).toEqual(['web-1', 'web-2', 'web-3']);
    expect(decided.conflicts).toEqual([
      {
        provider: 'consul',
        service: 'web',
        instance: 'node/web-1',
        text: `${A} balance=rr retry=1`,
        reason: 'the newer registration node/web-3 says otherwise',
      },
    ]);
  });

  test.each([
    ['maxconn=5', 'maxconn=9', 9],
    ['maxconn=5', '', null],
    ['', 'maxconn=9', 9],
  ])('so does the limit of its endpoints: after "%s" comes "%s"', (older, newer, maxconn) => {
    const [first, second] = [older, newer].map((options) => `${A} ${options}`.trim());
    const decided = decide(...claimsOf(instance('web', 1, [first!]), instance('web', 2, [second!])));
    expect(decided.maxconn).toBe(maxconn);
    expect(decided.conflicts).toMatchObject([{ instance: 'node/web-1', text: first }]);
  });

  test('of equal age the id decides', () => {
    const both = claimsOf(
      instance('web', 1, [`${A} retry=1`], { createIndex: 5 }),
      instance('web', 2, [`${A} retry=2`], { createIndex: 5 }),
    );
    expect(decide(...both).options).toEqual({ retry: 2 });
  });

  test('two tags of one instance that disagree are named', () => {
    const decided = decide(...claimsOf(instance('web', 1, [`${A} retry=2`, `${A}/ retry=1`])));
    expect(decided.options).toEqual({ retry: 1 });
    expect(decided.endpoints).toHaveLength(1);
    expect(decided.conflicts).toMatchObject([
      { text: `${A} retry=2`, reason: `${A}/ retry=1 of the same instance says otherwise` },
    ]);
  });

  test('a weight is no disagreement', () => {
    const decided = decide(...claimsOf(instance('web', 1, [`${A} weight=3`]), instance('web', 2, [A])));
    expect(weightsOf(decided)).toEqual({ 'web-1': 3, 'web-2': 1 });
    expect(decided.conflicts).toEqual([]);
  });

  test('a priority is', () => {
    const decided = decide(...claimsOf(instance('web', 1, [A]), instance('web', 2, [`${A} priority=7`])));
    expect(decided.rule.priority).toBe(7);
    expect(decided.conflicts).toHaveLength(1);
  });

  test('only accepted instances are endpoints, all are members', () => {
    const decided = decide(
      ...claimsOf(
        instance('web', 1, [A], { health: 'critical' }),
        instance('web', 2, [A], { health: 'warning', weights: { passing: 9, warning: 4 } }),
      ),
    );
    expect(weightsOf(decided)).toEqual({ 'web-2': 4 });
    expect(decided.members).toHaveLength(2);
  });

  test('two registrations of one address are one endpoint, as the newest has it', () => {
    const at = { address: '10.0.0.9' };
    const decided = decide(
      ...claimsOf(instance('web', 5, [`${A} weight=5`], at), instance('web', 1, [`${A} weight=2`], at)),
    );
    expect(decided.endpoints).toEqual([
      {
        id: 'web@10.0.0.9:8000',
        address: '10.0.0.9',
        port: 8000,
        protocol: 'http',
        weight: 5,
        instance: 'node/web-5',
      },
    ]);
  });

  test('when one of them is critical the other serves', () => {
    const at = { address: '10.0.0.9' };
    const decided = decide(
      ...claimsOf(instance('web', 5, [A], { ...at, health: 'critical' }), instance('web', 1, [A], at)),
    );
    expect(weightsOf(decided)).toEqual({ 'web-1': 1 });
  });

  test('a newest tag that redirects makes the route a redirect', () => {
    const redirect = `${A} redirect=301,https://b.com/`;
    const older = decide(...claimsOf(instance('web', 1, [redirect]), instance('web', 2, [A])));
    expect(older.redirectOnly).toBe(false);
    expect(weightsOf(older)).toEqual({ 'web-2': 1 });
    const newer = decide(...claimsOf(instance('web', 3, [redirect]), instance('web', 2, [A])));
    expect(newer.redirectOnly).toBe(true);
    expect(newer.endpoints).toEqual([]);
  });
});

describe('Fabio’s routes', () => {
  test('are shared among services', () => {
    const decided = decide(...claimsOf(instance('web', 2, [FABIO]), instance('api', 1, [FABIO])));
    expect(decided.services).toEqual(['api', 'web']);
    expect(decided.endpoints.map(({ id }) => id)).toEqual(['api@10.0.0.1:8000', 'web@10.0.0.2:8000']);
    expect(decided.conflicts).toEqual([]);
  });

  test('one address in two services is two endpoints', () => {
    const at = { address: '10.0.0.9' };
    expect(
      decide(...claimsOf(instance('web', 2, [FABIO], at), instance('api', 1, [FABIO], at))).endpoints,
    ).toHaveLength(2);
  });

  test.each([
    [
      [0.05, null],
      [0.05, 0.95],
    ],
    [
      [0.2, null, null],
      [0.2, 0.4, 0.4],
    ],
    [
      [0.2, 0.2],
      [0.2, 0.2],
    ],
    [
      [1.5, 0.5],
      [0.75, 0.25],
    ],
    [
      [1, null],
      [1, 0],
    ],
    [
      [null, null],
      [1, 1],
    ],
  ])('fixed shares %j are divided as %j', (shares, expected) => {
    const instances = shares.map((share, i) =>
      instance('web', i + 1, [share === null ? FABIO : `${FABIO} weight=${share}`]),
    );
    const weights = Object.values(weightsOf(decide(...claimsOf(...instances))));
    const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
    weights.forEach((weight, i) => {
      expect(weight / sum(weights)).toBeCloseTo(expected[i]! / sum(expected), 9);
    });
  });

  test('shares are divided among those that take traffic', () => {
    const decided = decide(
      ...claimsOf(
        instance('web', 1, [`${FABIO} weight=0.9`], { health: 'critical' }),
        instance('web', 2, [`${FABIO} weight=0.1`]),
        instance('web', 3, [FABIO]),
      ),
    );
    expect(weightsOf(decided)).toEqual({ 'web-2': 0.1, 'web-3': 0.9 });
  });

  test('one address registered twice has one share', () => {
    const at = { address: '10.0.0.9' };
    const decided = decide(
      ...claimsOf(
        instance('web', 1, [`${FABIO} weight=0.2`], at),
        instance('web', 2, [`${FABIO} weight=0.2`], at),
        instance('web', 3, [FABIO]),
      ),
    );
    expect(weightsOf(decided)).toEqual({ 'web-2': 0.2, 'web-3': 0.8 });
  });

  test('without shares Consul’s weights count', () => {
    const decided = decide(
      ...claimsOf(
        instance('web', 1, [FABIO], { weights: { passing: 4, warning: 1 } }),
        instance('web', 2, [FABIO]),
      ),
    );
    expect(weightsOf(decided)).toEqual({ 'web-1': 4, 'web-2': 1 });
  });

  test('the options are those of the newest that is still there', () => {
    const gone = [
      ...readService('old', [instance('old', 9, [`${FABIO} strip=/old`])], POLICY, true).members.values(),
    ];
    const decided = decide(...gone.flat(), ...claimsOf(instance('web', 1, [`${FABIO} strip=/web`])));
    expect(decided.options).toEqual({ strip: '/web' });
    expect(decided.services).toEqual(['old', 'web']);
    expect(decided.conflicts).toEqual([]);
  });
});

describe('static routes', () => {
  const fixed = staticMembers(staticEntry('a.com', ['10.9.9.9:80']), [], POLICY, false);

  test('come before tags, whatever the names', () => {
    const decided = decide(...claimsOf(instance('AAA', 1, [A])), ...fixed);
    expect(decided.provider).toBe('file');
    expect(decided.endpoints.map(({ address }) => address)).toEqual(['10.9.9.9']);
    expect(decided.conflicts).toEqual([
      {
        provider: 'consul',
        service: 'AAA',
        instance: 'node/AAA-1',
        text: A,
        reason: 'the static route a.com comes first',
      },
    ]);
  });

  test('the service’s own tags are in conflict only when they ask for something else', () => {
    const instances = [
      instance('web', 1, [A]),
      instance('web', 2, [`${A} strip=/x`]),
      instance('web', 3, []),
    ];
    const members = staticMembers(staticEntry('a.com', 'web'), instances, POLICY, false);
    const decided = decide(...claimsOf(...instances), ...members);
    expect(Object.keys(weightsOf(decided))).toEqual(['web-1', 'web-2', 'web-3']);
    expect(decided.conflicts).toMatchObject([
      { instance: 'node/web-2', reason: 'the static route a.com comes first' },
    ]);
  });
});
