import type { AcmeConfig } from '../../config/acme.ts';
import type { ConsulConfig } from '../../config/config.ts';
import type { Log } from '../log.ts';
import { createConsulClient } from '../providers/consul-client.ts';
import { createConsulStore } from '../store/consul-store.ts';
import { openRedisDoor } from '../store/redis-door.ts';
import { createRedisStore } from '../store/redis-store.ts';
import { sealStore } from '../store/sealed-store.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import type { Store } from '../store/store.ts';

type StoreConfig = AcmeConfig['store'];

/** What replicas share. Throws `StoreError` when the data folder cannot hold a store. */
export function openShared(config: StoreConfig, consul: ConsulConfig, dataDir: string): Store {
  const { kind, prefix, redisUrl } = config;
  switch (kind) {
    case 'file':
      return seal(openSqliteStore(dataDir), config);
    case 'redis':
      return seal(createRedisStore(openRedisDoor(redisUrl ?? ''), prefix), config);
    case 'consul':
      return seal(createConsulStore(createConsulClient(consul), prefix), config);
  }
}

/** Keeps a copy on this machine; null where the shared one is on it anyway, or where none can be kept. */
export function openCopy(config: StoreConfig, dataDir: string, log: Pick<Log, 'warn'>): Store | null {
  if (config.kind === 'file') return null;
  try {
    return seal(openSqliteStore(dataDir), config);
  } catch (error) {
    log.warn({ reason: (error as Error).message }, 'no copy of certificates can be kept on this machine');
    return null;
  }
}

function seal(store: Store, { secret }: StoreConfig): Store {
  return secret === null ? store : sealStore(store, Buffer.from(secret));
}
