import { describe, expect, test } from 'vitest';
import { endpointIdOf, keyOf, type Member, ownWeight, readService } from '../../router/members.ts';
import type { Rule } from '../../router/model.ts';
import { readRule } from '../../router/tags.ts';
import { instance, POLICY } from './catalog.ts';

function membersOf(...tags: readonly string[]): Member[] {
  return [...readService('web', [instance('web', 1, tags)], POLICY).members.values()].flat();
}

function memberOf(tag: string, more: Partial<ReturnType<typeof instance>> = {}): Member {
  const [[member] = []] = readService('web', [instance('web', 1, [tag], more)], POLICY).members.values();
  return member!;
}

describe('reading a service', () => {
  test('claims are found by rule, whatever their dialect', () => {
    const { members, refused, claiming } = readService(
      'web',
      [
        instance('web', 1, ['v1', 'fairlead:a.com', 'urlprefix-b.com/']),
        instance('web', 2, ['fairlead:A.com/ balance=rr']),
        instance('web', 3, ['v1']),
      ],
      POLICY,
    );
    expect([...members].map(([key, list]) => [key, list.map((member) => member.instance)])).toEqual([
      ['a.com/', ['node/web-1', 'node/web-2']],
      ['b.com/ prefix', ['node/web-1']],
    ]);
    expect(refused).toEqual([]);
    expect(claiming).toEqual(new Set(['node/web-1', 'node/web-2']));
  });

  test('bad tags are set aside with their reason, the others apply', () => {
    const tags = [
      'fairlead:a.com',
      'fairlead:b.com bogus',
      'fairlead:c.com insecure',
      'urlprefix-d.com/ weight=x',
    ];
    const { members, refused, claiming } = readService('web', [instance('web', 1, tags)], POLICY);
    expect([...members.keys()]).toEqual(['a.com/']);
    expect(claiming.size).toBe(1);
    expect(refused).toEqual(
      [
        [tags[1], 'unknown option "bogus"'],
        [tags[2], 'option insecure needs proto=https or proto=h2'],
        [tags[3], 'weight=x: must be a number like 0.25'],
      ].map(([text, reason]) => ({
        provider: 'consul',
        service: 'web',
        instance: 'node/web-1',
        text,
        reason,
      })),
    );
  });

  test.each([
    ['fairlead:a.com listener=web', null],
    ['fairlead:a.com listener=internal,web', null],
    ['fairlead:a.com listener=web,elsewhere', null],
    ['fairlead:a.com listener=wbe', 'listener=wbe: no http listener has this name; there is internal, web'],
    ['fairlead:a.com listener=x,y', 'listener=x,y: no http listener has this name; there is internal, web'],
    ['fairlead:a.com sticky', 'option sticky is not served by this version'],
    ['urlprefix-a.com/ proto=https', null],
  ])('%s is refused because of %s', (tag, reason) => {
    const { members, refused } = readService('web', [instance('web', 1, [tag])], POLICY);
    expect(refused.map((each) => each.reason)).toEqual(reason === null ? [] : [reason]);
    expect(members.size).toBe(reason === null ? 1 : 0);
  });

  test('without any listener a named one is refused all the same', () => {
    const policy = { ...POLICY, listeners: [] };
    const { refused } = readService('web', [instance('web', 1, ['fairlead:a.com listener=web'])], policy);
    expect(refused[0]!.reason).toContain('there is none');
  });

  test.each([
    ['passing', true, 3],
    ['warning', true, 2],
    ['critical', false, 3],
    ['maintenance', false, 3],
  ] as const)('a %s instance is accepted: %s', (health, isAccepted, weight) => {
    const member = memberOf('fairlead:a.com', { health, weights: { passing: 3, warning: 2 } });
    expect(member).toMatchObject({ isAccepted, weight, isGone: false });
  });

  test('a service that is gone keeps its claims, and none takes traffic', () => {
    const { members } = readService('web', [instance('web', 1, ['fairlead:a.com'])], POLICY, true);
    expect(members.get('a.com/')).toMatchObject([{ isAccepted: false, isGone: true }]);
  });

  test('an instance that only redirects does not ask for traffic', () => {
    const tags = ['fairlead:a.com redirect=301,https://b.com/'];
    expect(readService('web', [instance('web', 1, tags)], POLICY).claiming.size).toBe(0);
  });

  test('what cannot be routed is empty', () => {
    expect(membersOf()).toEqual([]);
    expect(readService('web', [], POLICY)).toEqual({ members: new Map(), refused: [], claiming: new Set() });
  });
});

describe('a rule as text', () => {
  test.each([
    ['a.com', 'a.com/'],
    ['/', '/'],
    ['*.a.com/x/', '*.a.com/x'],
    ['a.com/x/ exact', 'a.com/x/ exact'],
    ['/x methods=POST,GET', '/x GET,POST'],
    ['/x listener=b listener=a', '/x @a,b'],
    ['/x exact methods=GET listener=a', '/x exact GET @a'],
    ['/x priority=5 strip balance=rr', '/x'],
  ])('%s is %s', (text, key) => {
    expect(keyOf(ruleOf(text))).toBe(key);
  });

  test('rules that differ have texts that differ', () => {
    const texts = [
      '/x',
      '/x exact',
      '/x methods=exact',
      '/x methods=prefix',
      '/x methods=exact,prefix',
      '/x exact methods=exact',
      '/x listener=exact',
      '/x methods=GET',
      '/x methods=get-it',
    ];
    const rules = [...texts.map(ruleOf), { ...ruleOf('/x'), match: 'text' as const }];
    expect(new Set(rules.map(keyOf)).size).toBe(rules.length);
  });

  function ruleOf(text: string): Rule {
    const claim = readRule(text);
    if (!claim.ok) throw new Error(claim.reason);
    return claim.value.rule;
  }
});

test.each([
  ['fairlead:/', 7, 7],
  ['fairlead:/ weight=3', 7, 3],
  ['fairlead:/ weight=0', 7, 0],
  ['fairlead:/', 1e9, 65_535],
  ['fairlead:/', -5, 0],
  ['urlprefix-/ weight=0.5', 7, 7],
])('%s at Consul’s weight %d weighs %d by itself', (tag, passing, expected) => {
  expect(ownWeight(memberOf(tag, { weights: { passing, warning: 1 } }))).toBe(expected);
});

test.each([
  ['10.0.0.1', 'web@10.0.0.1:8000'],
  ['2001:db8::1', 'web@[2001:db8::1]:8000'],
  ['host.local', 'web@host.local:8000'],
])('the endpoint at %s is %s', (address, id) => {
  expect(endpointIdOf(memberOf('fairlead:/', { address }))).toBe(id);
});

test('what is dialled differently is another endpoint', () => {
  const member = memberOf('fairlead:/');
  const claim = { ...member.claim, pool: { ...member.claim.pool, protocol: 'https' as const } };
  expect(endpointIdOf({ ...member, claim })).toBe('web@10.0.0.1:8000/https');
});
