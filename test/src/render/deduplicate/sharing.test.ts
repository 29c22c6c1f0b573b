import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { type Store, StoreError } from '../../../../src/control/store/store.ts';
import { createSource } from '../../../../src/render/create-source.ts';
import { pack, unpack } from '../../../../src/render/deduplicate/bulletin.ts';
import { Share } from '../../../../src/render/deduplicate/share.ts';
import { SharedData } from '../../../../src/render/deduplicate/shared-data.ts';
import { withSharing } from '../../../../src/render/deduplicate/with-sharing.ts';
import { parseKey } from '../../../../src/render/dependencies/parse-query.ts';
import type { RenderSession } from '../../../../src/render/session.ts';
import { memoryStore } from '../../../support/memory-store.ts';
import { eventually } from '../../../support/process.ts';
import { quiet } from '../config.ts';
import { FakeDependencies } from '../fakes.ts';
import { fastClock } from '../fast-clock.ts';
import { Live } from '../live.ts';
import { load } from '../loading.ts';

const deduplicate = { prefix: 'shared', lockMs: 600 };
const web = '/v1/health/service/web';
const slow = { timeoutMs: 10_000 };

/** Stores that all processes of a test see, of which one can be cut off. */
function stores() {
  const all = new Map<string, Store>();
  return (cut: { isCut: boolean } = { isCut: false }) =>
    withSharing(createSource, (_, prefix) => {
      const store = all.get(prefix) ?? memoryStore();
      all.set(prefix, store);
      return cutOff(store, cut);
    });
}

function cutOff(store: Store, cut: { readonly isCut: boolean }): Store {
  const unlessCut = <T>(work: () => Promise<T>): Promise<T> =>
    cut.isCut ? Promise.reject(new StoreError('unavailable', 'cut off')) : work();
  return {
    ...store,
    put: (...given) => unlessCut(() => store.put(...given)),
    lock: async (...given) => {
      const lease = await unlessCut(() => store.lock(...given));
      if (lease === null) return null;
      const { token, lost } = lease;
      return {
        ...{ token, lost },
        renew: () => unlessCut(() => lease.renew()),
        release: async () => (cut.isCut ? undefined : lease.release()),
      };
    },
  };
}

describe('a template of several processes', () => {
  async function two() {
    const live = await Live.create({
      t: '{{ range service "web" }}{{ .Address }}:{{ .Port }} {{ end }}{{ key "k" }} {{ env "PATH" | len }}',
    });
    live.service('web', 80);
    live.registry.putKey('k', 'v');
    const tail = String((process.env.PATH ?? '').length);
    return { live, tail, asking: () => live.registry.faults.blocked.count(web) };
  }

  async function start(
    live: Live,
    to: string,
    create: ReturnType<ReturnType<typeof stores>>,
  ): Promise<RenderSession> {
    return live.start(['-template', `t:${to}`], create, { deduplicate });
  }

  test('is asked for by one of them; both follow what changes', async () => {
    const { live, tail, asking } = await two();
    const shared = stores();
    await start(live, 'a', shared());
    await eventually(() => live.read('a') === `10.0.0.1:80 v ${tail}`, slow);
    await start(live, 'b', shared());
    await eventually(() => live.read('b') === `10.0.0.1:80 v ${tail}`, slow);
    expect(asking()).toBe(1);
    live.service('web', 81);
    live.registry.putKey('k', 'w');
    const wanted = `10.0.0.1:80 10.0.0.1:81 w ${tail}`;
    await eventually(() => live.read('a') === wanted && live.read('b') === wanted, slow);
    expect(asking()).toBe(1);
  });

  test('is taken over at once when the one that asks ends, and nothing is written for that', async () => {
    const { live, tail, asking } = await two();
    const shared = stores();
    const first = await start(live, 'a', shared());
    await eventually(() => live.read('a') !== null, slow);
    await start(live, 'b', shared());
    await eventually(() => live.read('b') !== null, slow);
    const before = live.identity('b');
    await first.stop(0);
    await eventually(() => asking() === 1, slow);
    expect(live.identity('b')).toEqual(before);
    live.service('web', 81);
    await eventually(() => live.read('b') === `10.0.0.1:80 10.0.0.1:81 v ${tail}`, slow);
  });

  test('is taken over when the lock of the one that asks runs out', async () => {
    const { live, tail, asking } = await two();
    const shared = stores();
    const cut = { isCut: false };
    await start(live, 'a', shared(cut));
    await eventually(() => live.read('a') !== null, slow);
    await start(live, 'b', shared());
    await eventually(() => live.read('b') !== null, slow);
    cut.isCut = true;
    // It cannot know what has become of the others, and goes on for itself.
    await eventually(() => asking() === 2, slow);
    live.service('web', 81);
    const wanted = `10.0.0.1:80 10.0.0.1:81 v ${tail}`;
    await eventually(() => live.read('a') === wanted && live.read('b') === wanted, slow);
    cut.isCut = false;
    await eventually(() => asking() === 1, slow);
  });

  test('is still asked for once after a reload of the configuration', async () => {
    const { live, tail, asking } = await two();
    const shared = stores();
    const session = await start(live, 'a', shared());
    await eventually(() => live.read('a') !== null, slow);
    const again = load({
      args: ['-consul-addr', new URL(live.registry.url).host, '-template', 't:b', '-log-level', 'err'],
      cwd: live.dir,
    });
    if (again.kind !== 'config') throw new Error(again.kind);
    await session.reload({ ...again.config, deduplicate });
    await eventually(() => live.read('b') === `10.0.0.1:80 v ${tail}`, slow);
    await eventually(() => asking() === 1, slow);
    live.service('web', 81);
    await eventually(() => live.read('b') === `10.0.0.1:80 10.0.0.1:81 v ${tail}`, slow);
  });

  test('of another text is another template', async () => {
    const { live, asking } = await two();
    live.write('u', '{{ range service "web" }}{{ .Port }} {{ end }}');
    const shared = stores();
    await start(live, 'a', shared());
    await live.start(['-template', 'u:b'], shared(), { deduplicate });
    await eventually(() => live.read('a') !== null && live.read('b') === '80 ', slow);
    expect(asking()).toBe(2);
  });
});

describe('a word that makes no sense', () => {
  const closing: Share[] = [];

  afterEach(async () => {
    await Promise.all(closing.splice(0).map((share) => share.close()));
  });

  const query = parseKey('k', true);

  function join(store: Store, own: FakeDependencies, changed: string[] = []): SharedData {
    const data = new SharedData(own, () => {});
    const share = new Share({
      ...{ store, data, template: 't', lockMs: 60_000, clock: fastClock(20), log: quiet },
      onChange: (ids) => changed.push(...ids),
    });
    closing.push(share);
    data.use(share, new Map([[query.id, query]]));
    return data;
  }

  test('of yesterday is taken away by whoever asks next, before there is a new one', async () => {
    const store = memoryStore();
    const token = (await store.lock('other', 1))!.token;
    await store.put('data', await pack({ token, answers: new Map([[query.id, 'old']]) }));
    join(store, new FakeDependencies());
    await eventually(async () =>
      expect((await unpack((await store.get('data'))!.value))?.answers).toBeNull(),
    );
    const own = new FakeDependencies();
    const late = join(store, own);
    await eventually(() => own.used.length === 1);
    expect(late.recall(query)).toBeUndefined();
  });

  /** Follows a store whose lock somebody else has. */
  async function follower() {
    const store = memoryStore();
    const lease = (await store.lock('lock', 60_000))!;
    const own = new FakeDependencies();
    const changed: string[] = [];
    const data = join(store, own, changed);
    return { store, lease, own, data, changed };
  }

  test.each([
    ['nothing at all', null],
    ['not of ours', 'H4sIAAAA'],
    ['of another format', Buffer.from('{"format":2}').toString('base64')],
  ])('%s: everybody asks for itself after a while', async (_, text) => {
    const { store, own, data } = await follower();
    if (text !== null) await store.put('data', text);
    expect(own.used).toEqual([]);
    await eventually(() => own.used.length === 1);
    own.answers.set(query.id, 'mine');
    expect(data.recall(query)).toBe('mine');
  });

  test('a value of another type is asked for, the others are believed', async () => {
    const { store, lease, own, data, changed } = await follower();
    const word = async (answer: unknown): Promise<unknown> =>
      store.put('data', await pack({ token: lease.token, answers: new Map([[query.id, answer]]) }));
    await word({ not: 'a text' });
    await eventually(() => changed.length === 1);
    expect(data.recall(query)).toBeUndefined();
    data.use(data, new Map([[query.id, query]]));
    expect(own.used).toEqual([query.id]);
    await word('right');
    await eventually(() => data.recall(query) === 'right');
    expect(own.used).toEqual([]);
  });

  test('a late word of a former leader is not believed', async () => {
    const { store, lease, data } = await follower();
    const word = async (token: number, answer: string): Promise<unknown> =>
      store.put('data', await pack({ token, answers: new Map([[query.id, answer]]) }));
    await word(lease.token + 1, 'new');
    await eventually(() => data.recall(query) === 'new');
    await word(lease.token, 'old');
    await word(lease.token + 1, 'newer');
    await eventually(() => data.recall(query) !== 'new');
    expect(data.recall(query)).toBe('newer');
  });

  test('answers too large to be shared leave none behind that are old', async () => {
    const store = memoryStore();
    const own = new FakeDependencies();
    own.answers.set(query.id, 'small');
    const data = new SharedData(own, () => {});
    const share = new Share({
      ...{ store, data, template: 't', lockMs: 60_000, clock: fastClock(20), log: quiet },
      onChange: () => {},
    });
    closing.push(share);
    data.use(share, new Map([[query.id, query]]));
    const told = async () => (await unpack((await store.get('data'))!.value))?.answers?.get(query.id);
    await eventually(async () => expect(await told()).toBe('small'));
    own.answers.set(query.id, randomBytes(400_000).toString('hex'));
    share.changed();
    await eventually(async () => expect(await told()).toBeUndefined());
    own.answers.set(query.id, 'small again');
    share.changed();
    await eventually(async () => expect(await told()).toBe('small again'));
  });

  test('what a leader leaves is kept while another word is awaited', async () => {
    const { store, lease, own, data } = await follower();
    await store.put('data', await pack({ token: lease.token, answers: new Map([[query.id, 'told']]) }));
    await eventually(() => data.recall(query) === 'told');
    await store.put('data', await pack({ token: lease.token, answers: null }));
    await eventually(() => own.used.length === 1);
    expect(data.recall(query)).toBe('told');
    own.answers.set(query.id, 'mine');
    expect(data.recall(query)).toBe('mine');
  });
});

test('a word that blows up is not unpacked', async () => {
  const huge = await pack({ token: 1, answers: new Map([['x', 'x'.repeat(65 * 1024 * 1024)]]) });
  expect(huge.length).toBeLessThan(256 * 1024);
  expect(await unpack(huge)).toBeNull();
});
