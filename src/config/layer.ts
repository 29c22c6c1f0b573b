import { resolve } from 'node:path';
import type * as z from 'zod';
import type { Address } from './config.ts';
import type { Given } from './schema.ts';
import { addresses } from './values.ts';

/** What one source says, and where it says it. */
export interface Layer {
  readonly values: Given;
  /** Addresses that replace the listeners `web` and `websecure`; empty when the source names none. */
  readonly http: readonly Address[];
  readonly https: readonly Address[];
  /** Dotted keys this source sets to something unusable; reported already. */
  readonly broken: readonly string[];
  /** Where a dotted key is set, for messages. */
  readonly at: (key: string) => string | null;
}

/** Values whose relative paths start at the place of the source that names them. */
const pathKeys = [
  'consul.tokenFile',
  'consul.tls.caFile',
  'consul.tls.certFile',
  'consul.tls.keyFile',
  'admin.tokenFile',
  'tls.acme.caFile',
  'tls.acme.storeKeyFile',
  'tls.acme.redis.urlFile',
  'tls.acme.eab.hmacKeyFile',
  'upstreamTls.caFile',
  'upstreamTls.certFile',
  'upstreamTls.keyFile',
  'data',
];

/** The same in lists of groups. */
const pathLists = [
  ['tls.certificates', ['folder', 'certFile', 'keyFile', 'pkcs12File', 'passwordFile', 'redis.urlFile']],
  ['tls.clientAuth', ['caFile']],
] as const;

/** Collects single values by dotted key and becomes a layer. */
export class LayerBuilder {
  readonly #values: Record<string, unknown> = {};
  readonly #places = new Map<string, string>();
  readonly #broken: string[] = [];
  http: readonly Address[] = [];
  https: readonly Address[] = [];

  /** Parses a text for a key; returns why it is unusable, or null. */
  take(key: string, schema: z.ZodType, text: string, place: string): string | null {
    const parsed = schema.safeParse(text);
    this.#places.set(key, place);
    if (parsed.success) {
      put(this.#values, key, parsed.data);
      return null;
    }
    this.#broken.push(key);
    return parsed.error.issues.map((issue) => issue.message).join('; ');
  }

  /** Takes addresses that replace listeners; returns what is wrong with them. */
  listen(name: 'http' | 'https', input: string | readonly string[], place: string): readonly string[] {
    const parsed = addresses.safeParse(input);
    this.#places.set(name, place);
    if (parsed.success) {
      this[name] = parsed.data;
      return [];
    }
    this.#broken.push('listeners');
    return parsed.error.issues.map((issue) => issue.message);
  }

  /** The finished layer; relative paths start at `directory`. */
  build(directory: string): Layer {
    const values = this.#values as Given;
    return {
      values: anchor(values, directory),
      http: this.http,
      https: this.https,
      broken: this.#broken,
      at: (key) => this.#places.get(key) ?? null,
    };
  }
}

/** A copy whose relative paths became absolute. */
export function anchor(values: Given, directory: string): Given {
  const copy = structuredClone(values) as Record<string, unknown>;
  for (const key of pathKeys) {
    const path = get(copy, key);
    if (typeof path === 'string') put(copy, key, resolve(directory, path));
  }
  for (const [section, keys] of pathLists) {
    const items = get(copy, section);
    for (const item of Array.isArray(items) ? items : []) {
      for (const key of keys) {
        const path = get(item, key);
        if (typeof path === 'string') put(item, key, resolve(directory, path));
      }
    }
  }
  return copy as Given;
}

/** The value at a dotted key, or undefined. */
export function get(values: object, key: string): unknown {
  let current: unknown = values;
  for (const part of key.split('.')) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, part)) return undefined;
    current = (current as Record<string, unknown>)[part];
  }
  return current;
}

function put(values: Record<string, unknown>, key: string, value: unknown): void {
  const path = key.split('.');
  const last = path.pop() ?? '';
  let current = values;
  for (const part of path) {
    current[part] ??= {};
    current = current[part] as Record<string, unknown>;
  }
  current[last] = value;
}
