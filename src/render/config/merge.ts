import type { Layer } from './layer.ts';

type Settings = Layer['given'];

/** Lays sources over each other, lowest first, key by key. Lists and maps are replaced, groups are merged. */
export function mergeLayers(layers: readonly Layer[]): Settings {
  let merged: Record<string, unknown> = {};
  for (const { given } of layers) merged = overlay(withoutTwin(merged, given), given);
  return merged as Settings;
}

/** A token from above replaces a token file from below, and the other way round. */
function withoutTwin(lower: Record<string, unknown>, upper: Settings): Record<string, unknown> {
  const result = { ...lower };
  for (const group of ['consul', 'admin'] as const) {
    if (upper[group]?.token === undefined && upper[group]?.token_file === undefined) continue;
    result[group] = { ...(lower[group] as object), token: undefined, token_file: undefined };
  }
  return result;
}

function overlay(lower: Record<string, unknown>, upper: object): Record<string, unknown> {
  const result = { ...lower };
  for (const [key, value] of Object.entries(upper)) {
    const below = result[key];
    if (value === undefined) continue;
    // A command is one value although it is an object.
    const merges = key !== 'command' && key !== 'check' && isGroup(value) && isGroup(below);
    result[key] = merges ? overlay(below, value) : value;
  }
  return result;
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map);
}

/** Where the winning value of a key stands. */
export function placeOf(layers: readonly Layer[], ...path: readonly string[]): string {
  const has = ({ given }: Layer): boolean => {
    let node: unknown = given;
    for (const part of path) node = (node as Record<string, unknown> | undefined)?.[part];
    return node !== undefined;
  };
  return layers.findLast(has)?.at(path) ?? path.join('.');
}
