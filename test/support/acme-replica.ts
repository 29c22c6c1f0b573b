/** An ACME replica as a process of its own, to be killed: `node acme-replica.ts REDIS-URL CONFIG-JSON`. */
import type { AcmeConfig } from '../../src/config/acme.ts';
import { openRedisDoor } from '../../src/control/store/redis-door.ts';
import { createRedisStore } from '../../src/control/store/redis-store.ts';
import { startReplica } from './acme-site.ts';

const [url = '', config = ''] = process.argv.slice(2);
await startReplica(JSON.parse(config) as AcmeConfig, createRedisStore(openRedisDoor(url), 'fairlead'));
process.stdout.write('ready\n');
