/**
 * Small state that replicas share: certificates, challenges, locks. Values are texts; every change gives the key a
 * version that was never used for it before.
 */
export interface Store {
  /** null when there is no such key; rejects with `StoreError` when that cannot be known. */
  get(key: string): Promise<Stored | null>;
  /**
   * Resolves with the new version, or null when `ifVersion` is not the present one (`ABSENT`: there must be no such
   * key).
   */
  put(key: string, value: string, options?: WriteOptions): Promise<number | null>;
  /** False when `ifVersion` is not the present one. A key that does not exist is deleted already. */
  delete(key: string, options?: WriteOptions): Promise<boolean>;
  /** Everything below a prefix, in key order. */
  list(prefix: string): Promise<readonly Entry[]>;
  /**
   * Tells what is below a prefix, first soon and then whenever it has changed, until the signal aborts. Changes that
   * follow each other quickly may be told as one. Failures are reported once per outage and tried again for ever.
   */
  watch(prefix: string, watcher: Watcher, signal: AbortSignal): void;
  /** null while somebody else holds the lock. Whoever does not renew within `ttlMs` may lose it. */
  lock(name: string, ttlMs: number): Promise<Lease | null>;
  close(): Promise<void>;
}

export interface Stored {
  readonly value: string;
  readonly version: number;
}

export interface Entry extends Stored {
  readonly key: string;
}

export interface WriteOptions {
  readonly ifVersion?: number;
}

export interface Watcher {
  onChange(entries: readonly Entry[]): void;
  onFault?(message: string): void;
}

/** The right to be the only one who does something, for a while. */
export interface Lease {
  /**
   * Greater than that of every earlier holder of the same lock (fencing): a result that carries it can be told from one
   * of a holder who lost the lock and did not notice.
   */
  readonly token: number;
  /** Aborts when the lease ran out, was refused or was released. */
  readonly lost: AbortSignal;
  /** True when the lease now holds for another `ttlMs`; rejects when that cannot be known. */
  renew(): Promise<boolean>;
  /** Lets others in. Never rejects: what cannot be released runs out. */
  release(): Promise<void>;
}

/** The version of a key that does not exist. */
export const ABSENT = 0;

/** Largest value. Consul takes 512 KiB per transaction, in which values are a third longer. */
export const MAX_VALUE_BYTES = 256 * 1024;

export type StoreErrorCode = 'unavailable' | 'refused' | 'bad_value' | 'bad_key';

/** The store could not say or do what it was asked. Nothing is known about the key then. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** Keys that every kind of store can hold as they are. */
export function checkKey(key: string): void {
  if (key.length > 512 || !/^[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)*$/.test(key)) {
    throw new StoreError('bad_key', `not a key: ${JSON.stringify(key.slice(0, 80))}`);
  }
}

/** Keys and values within the limits that all stores share. */
export function checkWrite(key: string, value: string): void {
  checkKey(key);
  const bytes = Buffer.byteLength(value);
  if (bytes > MAX_VALUE_BYTES) {
    throw new StoreError('bad_value', `${key}: ${bytes} bytes exceed ${MAX_VALUE_BYTES}`);
  }
}
