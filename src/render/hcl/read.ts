import { largestFile } from '../../config/files.ts';
import type { Problem } from '../../config/problem.ts';
import { parseJson } from './json.ts';
import { type HclEntry, HclError, type HclNode, type HclObject, type Place } from './nodes.ts';
import { parseHcl } from './parser.ts';

/** A file as plain values that remember their places. */
export interface HclFile {
  /** Objects are free of a prototype, so that no key means anything to the runtime. */
  readonly values: unknown;
  /** `file:line:column` of a value, or of the nearest group around it. */
  readonly at: (path: readonly PropertyKey[]) => string;
  /** The same of a key itself. */
  readonly atKey: (path: readonly PropertyKey[], key: string) => string;
}

export type HclResult =
  | { readonly ok: true; readonly file: HclFile }
  | { readonly ok: false; readonly problem: Problem };

export interface HclOptions {
  /** As it is named in messages. */
  readonly name: string;
  /** Keys at the top whose groups add up; of any other key the last one counts. */
  readonly repeated: readonly string[];
}

/** Reads HCL version 1, or JSON where the first character is a brace. Never throws. */
export function readHcl(source: string, { name, repeated }: HclOptions): HclResult {
  const refuse = (at: string, message: string): HclResult => ({ ok: false, problem: { at, message } });
  if (Buffer.byteLength(source) > largestFile) return refuse(name, 'larger than 1MiB');
  const text = source.replace(/^\uFEFF/, ' ');
  try {
    const root = gather(/^\s*\{/.test(text) ? parseJson(text) : parseHcl(text), repeated);
    const show = ({ line, column }: Place): string => `${name}:${line}:${column}`;
    return { ok: true, file: { values: plain(root), ...positions(root, show) } };
  } catch (error) {
    if (!(error instanceof HclError)) throw error;
    return refuse(`${name}:${error.at.line}:${error.at.column}`, error.message);
  }
}

/** Makes one list of every repeated key; elsewhere the last one of several wins, as consul-template decodes. */
function gather(root: HclObject, repeated: readonly string[]): HclObject {
  const byKey = new Map<string, HclEntry>();
  for (const entry of root.entries) {
    const before = byKey.get(entry.key);
    const value = repeated.includes(entry.key) ? append(before?.value, entry.value) : last(entry.value);
    byKey.set(entry.key, { ...entry, value });
  }
  return { ...root, entries: [...byKey.values()] };
}

function append(before: HclNode | undefined, value: HclNode): HclNode {
  const items = value.kind === 'list' ? value.items : [value];
  const earlier = before?.kind === 'list' ? before.items : [];
  return { kind: 'list', at: before?.at ?? value.at, items: [...earlier, ...items.map(last)] };
}

/** The decoder sees a group as a list with one item, so a list of groups may stand for its last one. */
function last(node: HclNode): HclNode {
  if (node.kind === 'list' && node.items.length > 0 && node.items.every(({ kind }) => kind === 'object'))
    return last(node.items.at(-1)!);
  if (node.kind !== 'object') return node;
  const byKey = new Map(node.entries.map((entry) => [entry.key, { ...entry, value: last(entry.value) }]));
  return { ...node, entries: [...byKey.values()] };
}

function plain(node: HclNode): unknown {
  if (node.kind === 'null') return undefined;
  if (node.kind === 'list') return node.items.map(plain);
  if (node.kind !== 'object') return node.value;
  const values: Record<string, unknown> = Object.create(null);
  for (const { key, value } of node.entries) if (value.kind !== 'null') values[key] = plain(value);
  return values;
}

function positions(root: HclObject, show: (place: Place) => string): Omit<HclFile, 'values'> {
  const find = (path: readonly PropertyKey[]): HclNode => {
    let node: HclNode = root;
    for (const part of path) {
      const child = step(node, part);
      if (child === undefined) break;
      node = child;
    }
    return node;
  };
  return {
    at: (path) => show(find(path).at),
    atKey: (path, key) => {
      const node = find(path);
      const entry = node.kind === 'object' ? node.entries.find((each) => each.key === key) : undefined;
      return show(entry?.at ?? node.at);
    },
  };
}

function step(node: HclNode, part: PropertyKey): HclNode | undefined {
  if (node.kind === 'list') return node.items[Number(part)];
  if (node.kind !== 'object') return undefined;
  return node.entries.find(({ key }) => key === part)?.value;
}
