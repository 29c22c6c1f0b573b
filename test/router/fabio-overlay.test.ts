import { describe, expect, test } from 'vitest';
import type { Instance } from '../../router/model.ts';
import { instance, plannerOf, servers, setLines } from './catalog.ts';

const KEY = 'a.com/ prefix';

/** Endpoints of a.com/ after these lines, as `instance=weight`. */
function withLines(instances: readonly Instance[], ...lines: readonly string[]): string[] | null {
  const planner = plannerOf(...instances);
  setLines(planner, ...lines);
  planner.commit();
  return servers(planner, KEY);
}

const TAG = 'urlprefix-a.com/';
const web = [instance('web', 1, [TAG, 'blue', 'eu']), instance('web', 2, [TAG, 'green'])];
const api = [instance('api', 3, [TAG, 'blue'])];

describe('route add', () => {
  test('a target beside those of the tags', () => {
    expect(withLines(web, 'route add web A.com/ http://10.0.0.9:80/')).toEqual([
      'web-1=1',
      'web-2=1',
      'fabio/config:1=1',
    ]);
  });

  test('a route of its own', () => {
    expect(withLines([], 'route add x a.com http://host.local:80/ opts "strip=/x"')).toEqual([
      'fabio/config:1=1',
    ]);
  });

  test('a share', () => {
    expect(withLines(web, 'route add web a.com/ http://10.0.0.9:80/ weight 0.2')).toEqual([
      'web-1=0.4',
      'web-2=0.4',
      'fabio/config:1=0.2',
    ]);
  });

  test('what is there already stays as it is', () => {
    expect(withLines(web, 'route add web a.com/ http://10.0.0.1:8000/ weight 0.2')).toEqual([
      'web-1=1',
      'web-2=1',
    ]);
    expect(
      withLines(
        [],
        'route add x a.com/ http://h:80/ weight 0.5',
        'route add x a.com/ http://h:80/ weight 0.9',
      ),
    ).toEqual(['fabio/config:1=0.5']);
  });

  test('the same address for another service is another target', () => {
    expect(withLines(web.slice(0, 1), 'route add api a.com/ http://10.0.0.1:8000/')).toEqual([
      'fabio/config:1=1',
      'web-1=1',
    ]);
  });

  test('a redirect', () => {
    const planner = plannerOf();
    setLines(planner, 'route add x old.com/ https://new.com/$path opts "redirect=301"');
    planner.commit();
    expect(planner.routes.get('old.com/ prefix')).toMatchObject({
      pool: null,
      options: { redirect: { status: 301, location: 'https://new.com$path' } },
      source: { provider: 'kv' },
    });
  });
});

describe('route del', () => {
  test.each([
    ['route del web', ['api-3=1']],
    ['route del web a.com/', ['api-3=1']],
    ['route del web A.COM', ['api-3=1']],
    ['route del web a.com/x', ['api-3=1', 'web-1=1', 'web-2=1']],
    ['route del web a.com/ http://10.0.0.1:8000/', ['api-3=1', 'web-2=1']],
    ['route del web a.com/ http://10.0.0.1:8001/', ['api-3=1', 'web-1=1', 'web-2=1']],
    ['route del web tags "blue"', ['api-3=1', 'web-2=1']],
    ['route del tags "blue"', ['web-2=1']],
    ['route del tags "blue,eu"', ['api-3=1', 'web-2=1']],
    ['route del tags "red"', ['api-3=1', 'web-1=1', 'web-2=1']],
    ['route del nobody', ['api-3=1', 'web-1=1', 'web-2=1']],
  ])('%s leaves %j', (line, expected) => {
    expect(withLines([...web, ...api], line)).toEqual(expected);
  });

  test('without targets the route is gone', () => {
    expect(withLines(web, 'route del web')).toBeNull();
  });

  test('a redirect by its destination', () => {
    const redirect = [instance('web', 1, [`${TAG} redirect=301,https://b.com/`])];
    expect(withLines(redirect, 'route del web a.com/ /anything')).toBeNull();
    expect(withLines(web, 'route del web a.com/ /anything')).toEqual(['web-1=1', 'web-2=1']);
  });

  test('lines are executed from top to bottom', () => {
    const add = 'route add web a.com/ http://10.0.0.9:80/';
    expect(withLines(web, 'route del web', add)).toEqual(['fabio/config:2=1']);
    expect(withLines(web, add, 'route del web')).toBeNull();
    expect(withLines(web, add, 'route weight web a.com/ weight 0.3', 'route del web tags "green"')).toEqual([
      'web-1=0.09999999999999999',
      'fabio/config:1=0.09999999999999999',
    ]);
  });
});

describe('route weight', () => {
  test.each([
    ['route weight web a.com/ weight 0.2', ['api-3=0.8', 'web-1=0.1', 'web-2=0.1']],
    ['route weight web a.com/ weight 0.2 tags "green"', ['api-3=0.4', 'web-1=0.4', 'web-2=0.2']],
    ['route weight a.com/ weight 0.2 tags "blue"', ['api-3=0.1', 'web-1=0.1', 'web-2=0.8']],
    ['route weight web a.com/ weight 0', ['api-3=1', 'web-1=1', 'web-2=1']],
    ['route weight web b.com/ weight 0.2', ['api-3=1', 'web-1=1', 'web-2=1']],
    ['route weight nobody a.com/ weight 0.2', ['api-3=1', 'web-1=1', 'web-2=1']],
  ])('%s gives %j', (line, expected) => {
    expect(withLines([...web, ...api], line)).toEqual(expected);
  });

  test('takes the place of the share a tag asks for', () => {
    const shared = [instance('web', 1, [`${TAG} weight=0.9`]), instance('web', 2, [TAG])];
    expect(withLines(shared, 'route weight web a.com/ weight 0')).toEqual(['web-1=1', 'web-2=1']);
    const [first] = withLines([...shared, ...api], 'route weight web a.com/ weight 0.2') ?? [];
    expect(first).toBe('api-3=0.8');
  });

  test('is for those together that take traffic', () => {
    const half = [web[0]!, { ...web[1]!, health: 'critical' as const }, ...api];
    expect(withLines(half, 'route weight web a.com/ weight 0.2')).toEqual(['api-3=0.8', 'web-1=0.2']);
    const none = web.map((each) => ({ ...each, health: 'critical' as const }));
    expect(withLines([...none, ...api], 'route weight web a.com/ weight 0.2')).toEqual(['api-3=1']);
  });

  test('counts one address once', () => {
    const twice = [
      instance('web', 1, [TAG], { address: 'h' }),
      instance('web', 2, [TAG], { address: 'h' }),
      ...api,
    ];
    expect(withLines(twice, 'route weight web a.com/ weight 0.2')).toEqual(['api-3=0.8', 'web-2=0.2']);
  });
});
