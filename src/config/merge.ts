import { get, type Layer } from './layer.ts';
import type { Given, Settings } from './schema.ts';

/** Keys that mean the same thing: whoever sets one of them replaces all of a lower source. */
const twins = [
  ['consul', 'token', 'tokenFile'],
  ['admin', 'token', 'tokenFile'],
] as const;

/** Lays sources over the defaults, key by key; later ones win. A map of listeners is replaced as a whole. */
export function merge(defaults: Settings, layers: readonly Given[]): Settings {
  let merged: Record<string, unknown> = structuredClone(defaults);
  for (const layer of layers) merged = overlay(withoutTwins(merged, layer), layer);
  return merged as Settings;
}

function withoutTwins(lower: Record<string, unknown>, upper: Given): Record<string, unknown> {
  const copy = { ...lower };
  for (const [section, ...keys] of twins) {
    if (keys.every((key) => get(upper, `${section}.${key}`) === undefined)) continue;
    copy[section] = { ...(copy[section] as object), ...Object.fromEntries(keys.map((key) => [key, null])) };
  }
  return copy;
}

function overlay(lower: Record<string, unknown>, upper: object): Record<string, unknown> {
  const result = { ...lower };
  for (const [key, value] of Object.entries(upper)) {
    const below = result[key];
    if (value === undefined || (value === null && key === 'listeners')) continue;
    result[key] = key !== 'listeners' && isGroup(value) && isGroup(below) ? overlay(below, value) : value;
  }
  return result;
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Where the winning value of a key comes from; null for a default. */
export function originOf(layers: readonly Layer[], key: string): string | null {
  return layers.findLast((layer) => get(layer.values, key) !== undefined)?.at(key) ?? null;
}

/** Whether no source was unusable at the key or anything below it, so that conclusions about it are safe. */
export function isIntact(layers: readonly Layer[], key: string): boolean {
  return layers.every((layer) => !layer.broken.some((each) => each === key || each.startsWith(`${key}.`)));
}
