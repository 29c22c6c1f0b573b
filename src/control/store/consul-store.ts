import { hostname } from 'node:os';
import { startBlockingQuery, type WatchContext } from '../providers/blocking-query.ts';
import { systemClock } from '../providers/clock.ts';
import type { ConsulClient, ReadResult } from '../providers/consul-client.ts';
import { type Fault, isObject, parseJson } from '../providers/fault.ts';
import { createGate } from '../providers/gate.ts';
import { createLease } from './lease.ts';
import { ABSENT, checkKey, checkWrite, type Entry, type Store, type Stored, StoreError } from './store.ts';

const WAIT_MS = 55_000;
/** Consul takes no shorter session, and may let one live for twice its time. */
const SHORTEST_SESSION_S = 10;
/** Consul's own remedy for late writers is to keep a lost lock shut for 15 s; fencing tokens make that needless. */
const LOCK_DELAY = '1s';
const CONFLICT = 409;

/**
 * Consul's KV store below a folder; needs `key_prefix` write on it and `session_prefix` write. Check-and-set goes by
 * ModifyIndex, as do fencing tokens: it grows with every write of the cluster and outlives the key, unlike LockIndex.
 */
export function createConsulStore(client: ConsulClient, prefix: string): Store {
  const folder = `${prefix.replace(/^\/+|\/+$/g, '')}/`;
  const life = new AbortController();
  const { signal } = life;

  async function get(key: string): Promise<Stored | null> {
    checkKey(key);
    const entry = await read(key);
    return entry === undefined ? null : { value: entry.value, version: entry.version };
  }

  async function read(key: string): Promise<KvEntry | undefined> {
    const answer = expect(await client.read(kv(key), { signal, absent: true, consistent: true }));
    return parseEntries(answer)[0];
  }

  const kv = (key: string, query = ''): string =>
    `/v1/kv/${(folder + key).split('/').map(encodeURIComponent).join('/')}${query}`;

  async function list(below: string): Promise<readonly Entry[]> {
    const answer = expect(
      await client.read(kv(below, '?recurse'), { signal, absent: true, consistent: true }),
    );
    return entries(answer);
  }

  const entries = (body: Buffer | null): readonly Entry[] =>
    parseEntries(body).map(({ key, value, version }) => ({ key: key.slice(folder.length), value, version }));

  /** A transaction, because it answers with the new index; a plain PUT says only yes or no. */
  async function transact(operation: object): Promise<readonly unknown[] | null> {
    const body = JSON.stringify([{ KV: operation }]);
    const result = await client.write('/v1/txn', { body, signal });
    if (result.kind === 'error' && result.status === CONFLICT) return null;
    const answer = parse(expect(result));
    return isObject(answer) && Array.isArray(answer.Results) ? answer.Results : [];
  }

  async function put(key: string, value: string, ifVersion?: number): Promise<number | null> {
    checkWrite(key, value);
    const encoded = { Key: folder + key, Value: Buffer.from(value).toString('base64') };
    const verb = ifVersion === undefined ? { Verb: 'set' } : { Verb: 'cas', Index: ifVersion };
    const results = await transact({ ...verb, ...encoded });
    if (results === null) return null;
    const [first] = results;
    const written = isObject(first) && isObject(first.KV) ? first.KV.ModifyIndex : undefined;
    if (typeof written !== 'number') throw new StoreError('refused', `Consul: no index for ${key}`);
    return written;
  }

  async function remove(key: string, ifVersion?: number): Promise<boolean> {
    checkKey(key);
    if (ifVersion === ABSENT) return (await get(key)) === null;
    const verb = ifVersion === undefined ? { Verb: 'delete' } : { Verb: 'delete-cas', Index: ifVersion };
    return (await transact({ ...verb, Key: folder + key })) !== null;
  }

  async function lock(name: string, ttlMs: number): ReturnType<Store['lock']> {
    checkKey(name);
    const key = `locks/${name}`;
    // A look costs the servers nothing; a session is a write.
    if ((await read(key))?.session != null) return null;
    const since = performance.now();
    const session = await openSession(ttlMs);
    const giveBack = async (): Promise<void> => void (await client.write(`/v1/session/destroy/${session}`));
    try {
      const taken = parse(expect(await client.write(kv(key, `?acquire=${session}`), { body: hostname() })));
      const held = taken === true ? await read(key) : undefined;
      if (held !== undefined && held.session === session) {
        return createLease({ token: held.version, ttlMs, since, extend: () => renew(session), giveBack });
      }
    } catch (error) {
      await giveBack();
      throw error;
    }
    await giveBack();
    return null;
  }

  async function openSession(ttlMs: number): Promise<string> {
    const seconds = Math.max(SHORTEST_SESSION_S, Math.ceil(ttlMs / 1000));
    const wish = { Name: 'fairlead', TTL: `${seconds}s`, Behavior: 'release', LockDelay: LOCK_DELAY };
    const body = JSON.stringify(wish);
    const answer = parse(expect(await client.write('/v1/session/create', { body, signal })));
    if (isObject(answer) && typeof answer.ID === 'string') return answer.ID;
    throw new StoreError('refused', 'Consul: no session was made');
  }

  async function renew(session: string): Promise<boolean> {
    const result = await client.write(`/v1/session/renew/${session}`, { signal });
    if (result.kind === 'error' && result.status === 404) return false;
    expect(result);
    return true;
  }

  return {
    get,
    list,
    lock,
    put: (key, value, options = {}) => put(key, value, options.ifVersion),
    delete: (key, options = {}) => remove(key, options.ifVersion),
    watch(below, watcher, until) {
      const both = AbortSignal.any([signal, until]);
      const accept = ({ body }: { readonly body: Buffer | null }): 'accepted' => {
        watcher.onChange(entries(body));
        return 'accepted';
      };
      const context = watchContext(client, (message) => watcher.onFault?.(message), both);
      startBlockingQuery(context, { path: kv(below, '?recurse'), absent: true, accept }, both);
    },
    async close() {
      life.abort();
      await client.close();
    },
  };
}

function watchContext(
  client: ConsulClient,
  onFault: (message: string) => void,
  signal: AbortSignal,
): WatchContext {
  const knock = (): Promise<ReadResult> => client.read('/v1/status/leader', { signal });
  return {
    client,
    clock: systemClock,
    gate: createGate(systemClock, knock, signal),
    waitMs: WAIT_MS,
    onAnswer: () => {},
    onFault: (_, cause, failures) => {
      if (failures === 1) onFault(`Consul: ${cause.message}`);
    },
    onLostMemory: () => {},
  };
}

interface KvEntry extends Entry {
  readonly session: string | null;
}

function parseEntries(body: Buffer | null): readonly KvEntry[] {
  const answer = body === null ? [] : parse(body);
  if (!Array.isArray(answer)) throw new StoreError('refused', 'Consul: KV is not a list');
  return (answer as readonly unknown[]).flatMap((each) => {
    if (!isObject(each) || typeof each.Key !== 'string' || typeof each.ModifyIndex !== 'number') return [];
    const value = typeof each.Value === 'string' ? Buffer.from(each.Value, 'base64').toString('utf8') : '';
    const session = typeof each.Session === 'string' ? each.Session : null;
    return [{ key: each.Key, value, version: each.ModifyIndex, session }];
  });
}

function parse(body: Buffer | null): unknown {
  return body === null ? null : parseJson(body);
}

function expect(result: ReadResult): Buffer | null {
  if (result.kind === 'ok') return result.body;
  throw new StoreError(codeOf(result), `Consul: ${result.message}`);
}

function codeOf({ code }: Fault): 'refused' | 'unavailable' {
  return code === 'acl' || code === 'server' || code === 'too_large' ? 'refused' : 'unavailable';
}
