import { connectRedis } from '../redis.ts';

/** The little that a store needs of Redis. */
export interface RedisDoor {
  run(script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
  /** Fields `v` and `n` of a hash. */
  entry(key: string): Promise<readonly [value: string | null, version: string | null]>;
  /** Members of a sorted set that begin with a text. */
  members(key: string, prefix: string): Promise<readonly string[]>;
  /** Calls back for each message, and whenever the subscription was made anew and messages may have been missed. */
  subscribe(channel: string, onNews: () => void): void;
  unsubscribe(onNews: () => void): void;
  close(): void;
}

/** Two connections: one for commands, one that listens. Both come back by themselves, for ever. */
export function openRedisDoor(url: string): RedisDoor {
  const temper = {
    // A command that cannot be sent must fail before its caller's lease has run out.
    maxRetriesPerRequest: 1,
    retryStrategy: (attempt: number) => Math.min(2000, attempt * 100),
  };
  const commands = connectRedis(url, 'fairlead-store', temper);
  const listener = connectRedis(url, 'fairlead-store-events', { ...temper, maxRetriesPerRequest: null });
  const hearers = new Map<() => void, string>();
  // Each failing command rejects; the event itself says nothing more, and unheard it would end the process.
  commands.on('error', () => {});
  listener.on('error', () => {});
  listener.on('message', (channel: string) => {
    for (const [hear, wanted] of hearers) if (wanted === channel) hear();
  });
  listener.on('ready', () => {
    for (const hear of hearers.keys()) hear();
  });

  return {
    run: (script, keys, args) => commands.eval(script, keys.length, ...keys, ...args),
    async entry(key) {
      const [value = null, version = null] = await commands.hmget(key, 'v', 'n');
      return [value, version];
    },
    members: (key, prefix) => commands.zrangebylex(key, `[${prefix}`, `(${prefix}\xff`),
    subscribe(channel, onNews) {
      hearers.set(onNews, channel);
      // Made again by the client itself after every reconnection.
      listener.subscribe(channel).then(onNews, () => {});
    },
    unsubscribe(onNews) {
      hearers.delete(onNews);
    },
    close() {
      commands.disconnect();
      listener.disconnect();
    },
  };
}
