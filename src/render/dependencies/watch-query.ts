import { startBlockingQuery, type WatchContext } from '../../control/providers/blocking-query.ts';
import type { Read } from '../../control/providers/consul-client.ts';
import { isObject, parseJson } from '../../control/providers/fault.ts';
import { List, strings, type Value } from '../template/values.ts';
import { pathOf } from './path.ts';
import { poll } from './poll.ts';
import type { ConsulQuery, Query } from './query.ts';
import { readAnswer } from './read-answer.ts';
import { confirmed } from './service-entries.ts';

/** What Consul has no blocking reads for. */
const POLL_MS = 5_000;
/** A watch for which there is no connection left. */
const CROWDED_POLL_MS = 2_000;
/** 404 is an answer for these. */
const MAY_BE_ABSENT: ReadonlySet<Query['kind']> = new Set(['key', 'keys', 'node']);

export interface QueryWatch {
  /** Whether it keeps a connection busy. */
  readonly isBlocking: boolean;
  /** Asks again at once. */
  nudge(): void;
}

/**
 * Watches one query until the signal aborts. It never gives up, and an error never counts as an answer.
 *
 * @param isCrowded no connection is left to hold open
 */
export function watchQuery(
  context: WatchContext,
  query: ConsulQuery,
  isCrowded: boolean,
  onValue: (value: Value) => void,
  signal: AbortSignal,
): QueryWatch {
  const absent = MAY_BE_ABSENT.has(query.kind);
  let last: Value;
  const take = async (asked: ConsulQuery, read: Read): Promise<'accepted' | 'reread'> => {
    let value = await understood(context, asked, read, signal);
    let isContradicted = false;
    if (isEmptyList(value) && last instanceof List && !isEmptyList(last)) {
      const again = await confirmed(context, pathOf(asked), signal, absent);
      value = await understood(context, asked, again, signal);
      isContradicted = !isEmptyList(value);
    }
    if (signal.aborted || (value === null && query.kind === 'key' && query.isAwaited)) return 'accepted';
    last = value;
    onValue(value);
    return isContradicted ? 'reread' : 'accepted';
  };
  const pollEvery = (everyMs: number): QueryWatch => {
    const accept = async (read: Read): Promise<void> => void (await take(query, read));
    void poll(context, { path: pathOf(query), everyMs, absent, accept }, signal);
    return { isBlocking: false, nudge() {} };
  };
  if (query.kind === 'datacenters' || query.kind === 'partitions') return pollEvery(POLL_MS);
  if (query.kind === 'node' && query.name === '') return watchOwnNode(context, query, take, signal);
  if (isCrowded) return pollEvery(CROWDED_POLL_MS);
  const accept = (read: Read): Promise<'accepted' | 'reread'> => take(query, read);
  const blocking = startBlockingQuery(context, { path: pathOf(query), absent, accept }, signal);
  return { isBlocking: true, nudge: () => blocking.nudge() };
}

function isEmptyList(value: Value): boolean {
  return value instanceof List && value.items.length === 0;
}

async function understood(
  context: WatchContext,
  query: ConsulQuery,
  read: Read,
  signal: AbortSignal,
): Promise<Value> {
  const value = readAnswer(query, read.body);
  if (query.kind !== 'datacenters' || !query.isProbed) return value;
  const names = (value as List).items as readonly string[];
  const answers = await Promise.all(names.map((name) => isReachable(context, name, signal)));
  return strings(names.filter((_, at) => answers[at]));
}

/** A datacenter whose servers answer. */
async function isReachable(context: WatchContext, name: string, signal: AbortSignal): Promise<boolean> {
  const path = `/v1/catalog/services?dc=${encodeURIComponent(name)}`;
  const result = await context.client.read(path, { signal, consistent: true });
  return result.kind === 'ok';
}

/** The local agent's name is asked for once; it does not change while the agent runs. */
function watchOwnNode(
  context: WatchContext,
  query: Extract<Query, { kind: 'node' }>,
  take: (asked: ConsulQuery, read: Read) => Promise<'accepted' | 'reread'>,
  signal: AbortSignal,
): QueryWatch {
  let nudge = (): void => {};
  const asking = new AbortController();
  const start = (name: string): void => {
    asking.abort();
    const asked = { ...query, name };
    const accept = (read: Read): Promise<'accepted' | 'reread'> => take(asked, read);
    const blocking = startBlockingQuery(context, { path: pathOf(asked), absent: true, accept }, signal);
    nudge = () => blocking.nudge();
  };
  const self = {
    path: '/v1/agent/self',
    everyMs: CROWDED_POLL_MS,
    absent: false,
    accept({ body }: Read): void {
      const answer = parseJson(body ?? Buffer.alloc(0));
      const config = isObject(answer) && isObject(answer.Config) ? answer.Config : {};
      if (typeof config.NodeName === 'string' && config.NodeName !== '') start(config.NodeName);
    },
  };
  void poll(context, self, AbortSignal.any([signal, asking.signal]));
  return { isBlocking: true, nudge: () => nudge() };
}
