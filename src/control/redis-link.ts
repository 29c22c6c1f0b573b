import { fullJitter } from './backoff.ts';
import { connectRedis, escapePattern, explainRedis, type RedisConnection } from './redis.ts';

export interface RedisLinkOptions {
  /** `redis://user:password@host:port/db`, `rediss://…` for TLS. */
  readonly url: string;
  /** Keys that begin with one of these are watched. */
  readonly prefixes: readonly string[];
  /** Both connections are there: everything should be read now. `isPushed` says whether changes will be told. */
  readonly onReady: (isPushed: boolean) => void;
  /** A watched key has changed, or may have. */
  readonly onChange: () => void;
  /** Why there is no connection; said again only when it is another. */
  readonly onTrouble: (reason: string) => void;
}

/** One server, spoken to over one connection and listened to over another; it reconnects for ever. */
export interface RedisLink {
  /** Rejects at once while there is no connection, and after a few seconds without an answer. */
  call(command: string, ...args: readonly (string | number)[]): Promise<unknown>;
  close(): void;
}

const RECONNECT_BASE_MS = 100;
const RECONNECT_CAP_MS = 1_500;

/** Connects in the background; never throws for a server that is not there. */
export function openRedisLink(options: RedisLinkOptions): RedisLink {
  const data = connect(options.url, 'fairlead');
  const events = connect(options.url, 'fairlead-events');
  let said = '';
  let isClosed = false;
  /** Of the connection that listens, once it does. */
  let eventsId: string | null = null;

  const trouble = (error: Error): void => {
    const reason = explainRedis(error);
    if (isClosed || reason === said) return;
    said = reason;
    options.onTrouble(reason);
  };

  async function begin(): Promise<void> {
    if (data.status !== 'ready' || eventsId === null) return;
    try {
      const isPushed = await track(data, eventsId, options.prefixes);
      said = '';
      if (!isClosed) options.onReady(isPushed);
    } catch (error) {
      giveUp(data, error as Error);
    }
  }

  async function subscribe(): Promise<void> {
    try {
      // Asked first: a connection that has subscribed answers nothing else.
      const id = String(await events.call('CLIENT', 'ID'));
      await events.subscribe('__redis__:invalidate');
      await events.psubscribe(...options.prefixes.map((each) => `__keyspace@*__:${escapePattern(each)}*`));
      eventsId = id;
      await begin();
    } catch (error) {
      giveUp(events, error as Error);
    }
  }

  /** The connection is of no use like this (no permission, lost in between): begin anew after the usual delay. */
  function giveUp(client: RedisConnection, error: Error): void {
    trouble(error);
    if (!isClosed) client.disconnect(true);
  }

  data.on('ready', () => void begin());
  events.on('ready', () => void subscribe());
  events.on('close', () => {
    eventsId = null;
  });
  for (const client of [data, events]) {
    client.on('error', trouble);
    // After an error it says nothing new.
    client.on('close', () => said === '' && trouble(new Error('connection closed')));
  }
  events.on('message', () => options.onChange());
  events.on('pmessage', () => options.onChange());
  return {
    call: (command, ...args) => data.call(command, ...args),
    close() {
      isClosed = true;
      data.disconnect();
      events.disconnect();
    },
  };
}

function connect(url: string, name: string): RedisConnection {
  return connectRedis(url, name, {
    enableOfflineQueue: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => RECONNECT_BASE_MS + fullJitter(attempt, RECONNECT_BASE_MS, RECONNECT_CAP_MS),
  });
}

/**
 * Asks to be told of changes: by client-side caching in broadcast mode (Redis 6 and later, needs no setting of the
 * server), else by keyspace notifications where the server sends them. False when it will tell none.
 */
async function track(data: RedisConnection, eventsId: string, prefixes: readonly string[]): Promise<boolean> {
  try {
    await data.call('CLIENT', 'TRACKING', 'OFF');
    const filters = prefixes.flatMap((prefix) => ['PREFIX', prefix]);
    await data.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', eventsId, 'BCAST', ...filters);
    return true;
  } catch (error) {
    if (!isRefusal(error as Error)) throw error;
    const setting = await data.call('CONFIG', 'GET', 'notify-keyspace-events').catch(() => []);
    const [, flags = ''] = setting as readonly string[];
    return flags.includes('K') && /[Ah]/.test(flags) && /[Ag]/.test(flags);
  }
}

/** The server understood and said no, rather than being away. */
function isRefusal(error: Error): boolean {
  return /^(ERR|NOPERM)\b/.test(error.message);
}
