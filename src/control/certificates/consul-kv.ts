import type { ConsulConfig } from '../../config/config.ts';
import { startBlockingQuery, type WatchContext } from '../providers/blocking-query.ts';
import { type Clock, systemClock } from '../providers/clock.ts';
import { createConsulClient } from '../providers/consul-client.ts';
import { BadAnswer, isObject, parseJson } from '../providers/fault.ts';
import { createFaultLog, type Log } from '../providers/fault-log.ts';
import { createGate } from '../providers/gate.ts';
import { beginWithKept } from './begin-with-kept.ts';
import type { CertificateCopy } from './copies.ts';
import { type Item, Keeper } from './keeper.ts';
import { type CertificateSource, MAX_CERTIFICATES, type OnCertificates } from './source.ts';

export interface ConsulKvOptions {
  readonly config: ConsulConfig;
  /** Without slashes at its ends. */
  readonly prefix: string;
  readonly log: Log;
  /** Counts faults by kind. */
  readonly onError: (kind: string) => void;
  /** For a start without Consul. */
  readonly copy?: CertificateCopy | null;
  readonly clock?: Clock;
}

/**
 * Certificates in Consul's KV store: `<prefix>/<name>/cert` with `<prefix>/<name>/key`, `<prefix>/<name>-cert.pem` with
 * `-key.pem` as Fabio has them, or both in one value at `<prefix>/<name>`. One blocking read for all of them; while Consul is away nothing changes.
 */
export function consulKvSource(options: ConsulKvOptions): CertificateSource {
  const name = `consul kv ${options.prefix}`;
  return { name, watch: (onCertificates, signal) => follow(name, options, onCertificates, signal) };
}

async function follow(
  name: string,
  { config, prefix, log, onError, copy = null, clock = systemClock }: ConsulKvOptions,
  onCertificates: OnCertificates,
  signal: AbortSignal,
): Promise<void> {
  const client = createConsulClient({ ...config, connections: 1 });
  const faults = createFaultLog(log, clock, onError);
  const keeper = new Keeper(copy);
  const tell = await beginWithKept({ source: name, keeper, clock, log }, onCertificates, signal);
  let isDoubtful = false;
  const knock = () => client.read('/v1/status/leader', { signal, deadlineMs: 3_000 });
  const context: WatchContext = {
    client,
    clock,
    gate: createGate(clock, knock, signal),
    waitMs: config.waitMs,
    onAnswer: (path) => faults.answer(path),
    onFault(path, cause, failures) {
      faults.fault(path, cause, failures);
      if (failures === 1) tell(keeper.last, [{ source: name, reason: cause.message }]);
    },
    onLostMemory() {
      isDoubtful = true;
    },
  };
  const path = `/v1/kv/${prefix.split('/').map(encodeURIComponent).join('/')}/?recurse`;
  const query = startBlockingQuery(
    context,
    {
      path,
      absent: true,
      async accept({ body }): Promise<'accepted'> {
        const { set, refused } = await keeper.take(itemsOf(readEntries(body), prefix), isDoubtful);
        isDoubtful = false;
        if (!signal.aborted) tell(set, refused);
        return 'accepted';
      },
    },
    signal,
  );
  await query.done;
  await client.close();
}

/** Texts by key; entries without a value are folders. */
function readEntries(body: Buffer | null): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  if (body === null) return texts;
  const answer = parseJson(body);
  if (!Array.isArray(answer)) throw new BadAnswer('KV: not a list');
  for (const entry of answer as readonly unknown[]) {
    if (!isObject(entry) || typeof entry.Key !== 'string') throw new BadAnswer('KV: an entry without a key');
    if (typeof entry.Value === 'string')
      texts.set(entry.Key, Buffer.from(entry.Value, 'base64').toString('utf8'));
  }
  return texts;
}

const FABIO_CERT = /-cert\.pem$/;
const FABIO_KEY = /-key\.pem$/;

/** @param texts values by their full key, as Consul has them */
export function itemsOf(texts: ReadonlyMap<string, string>, prefix: string): ReadonlyMap<string, Item> {
  const items = new Map<string, Item>();
  for (const key of [...texts.keys()].sort()) {
    const rest = key.slice(prefix.length + 1);
    const [, name = rest, part] = /^(.+)\/([^/]+)$/.exec(rest) ?? [];
    const source = `consul kv ${prefix}/${name}`;
    if (items.has(name)) continue;
    if (items.size >= MAX_CERTIFICATES) {
      items.set('', { source, reason: `more than ${MAX_CERTIFICATES} certificates` });
      break;
    }
    if (part === undefined) {
      if (FABIO_KEY.test(key) && texts.has(key.replace(FABIO_KEY, '-cert.pem'))) continue;
      const certPem = texts.get(key)!;
      const keyPem = texts.get(key.replace(FABIO_CERT, '-key.pem')) ?? certPem;
      items.set(name, { source, certPem, keyPem });
    } else if (part === 'cert' || part === 'key') {
      items.set(name, pairOf(texts, `${prefix}/${name}`, source));
    } else {
      items.set(rest, { source: `consul kv ${key}`, reason: 'neither NAME, NAME/cert nor NAME/key' });
    }
  }
  return items;
}

function pairOf(texts: ReadonlyMap<string, string>, base: string, source: string): Item {
  const certPem = texts.get(`${base}/cert`);
  const keyPem = texts.get(`${base}/key`);
  if (certPem === undefined) return { source, reason: `there is no ${base}/cert` };
  if (keyPem === undefined) return { source, reason: `there is no ${base}/key` };
  return { source, certPem, keyPem };
}
