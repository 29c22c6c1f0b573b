import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { type Entry, type Store, StoreError } from './store.ts';

const MARK = 'sealed1:';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Values encrypted with AES-256-GCM, bound to their keys so that none can be passed off as another. What cannot be
 * opened (an older key, a value written in the clear) is reported and left out of listings; reading it fails.
 */
export function sealStore(store: Store, secret: Uint8Array): Store {
  const key = Buffer.from(hkdfSync('sha256', secret, new Uint8Array(0), 'fairlead store', 32));

  function openAll(entries: readonly Entry[], onFault?: (message: string) => void): readonly Entry[] {
    return entries.flatMap((entry) => {
      try {
        return [{ ...entry, value: unseal(key, entry.key, entry.value) }];
      } catch (error) {
        onFault?.((error as Error).message);
        return [];
      }
    });
  }

  return {
    async get(name) {
      const stored = await store.get(name);
      return stored && { ...stored, value: unseal(key, name, stored.value) };
    },
    put: (name, value, options) => store.put(name, seal(key, name, value), options),
    delete: (name, options) => store.delete(name, options),
    list: async (prefix) => openAll(await store.list(prefix)),
    watch(prefix, watcher, signal) {
      const reported = new Set<string>();
      const reportOnce = (message: string): void => {
        if (!reported.has(message)) watcher.onFault?.(message);
        reported.add(message);
      };
      const onChange = (entries: readonly Entry[]): void => watcher.onChange(openAll(entries, reportOnce));
      store.watch(prefix, { ...watcher, onChange }, signal);
    },
    lock: (name, ttlMs) => store.lock(name, ttlMs),
    close: () => store.close(),
  };
}

function seal(key: Buffer, name: string, value: string): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(name));
  const text = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]);
  return MARK + Buffer.concat([iv, cipher.getAuthTag(), text]).toString('base64');
}

function unseal(key: Buffer, name: string, sealed: string): string {
  if (!sealed.startsWith(MARK)) throw new StoreError('bad_value', `${name} is not encrypted`);
  const bytes = Buffer.from(sealed.slice(MARK.length), 'base64');
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(Buffer.from(name)).setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    const text = Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
    return text.toString('utf8');
  } catch {
    throw new StoreError('bad_value', `${name} was encrypted with another key, or was changed`);
  }
}
