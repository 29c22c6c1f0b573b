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

export interface AcmeStores {
  /** What replicas share. */
  readonly shared: Store;
  /** Keeps a copy on this machine; null where the shared one is on it anyway, or where none can be kept. */
  readonly local: Store | null;
}

/** Throws `StoreError` when the data folder cannot hold the only store. */
export function openStores(
  { kind, prefix, secret, redisUrl }: AcmeConfig['store'],
  { consul, dataDir, log }: { consul: ConsulConfig; dataDir: string; log: Pick<Log, 'warn'> },
): AcmeStores {
  const seal = (store: Store): Store => (secret === null ? store : sealStore(store, Buffer.from(secret)));
  switch (kind) {
    case 'file':
      return { shared: seal(openSqliteStore(dataDir)), local: null };
    case 'redis':
      return { shared: seal(createRedisStore(openRedisDoor(redisUrl ?? ''), prefix)), local: copy() };
    case 'consul':
      return { shared: seal(createConsulStore(createConsulClient(consul), prefix)), local: copy() };
  }

  function copy(): Store | null {
    try {
      return seal(openSqliteStore(dataDir));
    } catch (error) {
      log.warn({ reason: (error as Error).message }, 'no copy of certificates can be kept on this machine');
      return null;
    }
  }
}
