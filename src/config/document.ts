import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml';
import type { Problem } from './problem.ts';
import { quote } from './units.ts';

/** A YAML file as plain values that remember their places. */
export interface YamlFile {
  readonly values: unknown;
  /** `file:line:column` of a value, or of the nearest group around it. */
  readonly at: (path: readonly PropertyKey[]) => string;
  /** `file:line:column` of a key itself. */
  readonly atKey: (path: readonly PropertyKey[], key: string) => string;
}

type YamlResult =
  | { readonly ok: true; readonly file: YamlFile }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** An alias used more often than this is taken for an attack on memory. */
const mostAliases = 100;

/** One mistake can make the parser stumble many times; the first ones tell what it was. */
const mostFaults = 10;

/** Reads YAML 1.2; duplicate keys, unknown tags and swelling aliases are problems. Never throws. */
export function parseYaml(source: string, name: string): YamlResult {
  const lines = new LineCounter();
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${name}:${Math.max(1, line)}:${Math.max(1, col)}`;
  };
  try {
    const document = parseDocument(source, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
    const faults = worthTelling([...document.errors, ...document.warnings]);
    const problems =
      faults.length > 0 ? faults.map((each) => explain(each, place)) : duplicates(document, place);
    if (problems.length > 0) return { ok: false, problems };
    const values: unknown = document.toJS({ maxAliasCount: mostAliases });
    return { ok: true, file: { values, ...positions(document, place) } };
  } catch (error) {
    return { ok: false, problems: [{ at: name, message: explainFailure(error) }] };
  }
}

function worthTelling(faults: readonly YAMLError[]): readonly YAMLError[] {
  const tooDeep = faults.find(({ message }) => isTooDeep(message));
  return tooDeep === undefined ? faults.slice(0, mostFaults) : [tooDeep];
}

function explain(fault: YAMLError, place: (offset: number) => string): Problem {
  const at = place(fault.pos[0]);
  if (fault.code === 'MULTIPLE_DOCS')
    return { at, message: 'only one YAML document is read: remove the "---" line' };
  if (isTooDeep(fault.message)) return { at, message: 'nested too deeply' };
  return { at, message: `not valid YAML: ${fault.message}` };
}

function explainFailure(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (/alias/i.test(message)) return 'aliases repeat too much of the file: write the values out';
  return isTooDeep(message) ? 'nested too deeply' : `not valid YAML: ${message}`;
}

/** The parser recurses and reports the engine's own words. */
function isTooDeep(message: string): boolean {
  return /call stack|stack overflow/i.test(message);
}

/** The parser's own search compares every key with every other one, which takes minutes in a hostile file. */
function duplicates(document: Document.Parsed, place: (offset: number) => string): readonly Problem[] {
  const found: Problem[] = [];
  visit(document, {
    Map(_, map) {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        const name = isScalar(key) ? String(key.value) : null;
        if (name === null || found.length >= mostFaults) continue;
        if (seen.has(name)) {
          found.push({ at: place(startOf(key) ?? 0), message: `the key ${quote(name)} is given twice` });
        }
        seen.add(name);
      }
    },
  });
  return found;
}

function positions(document: Document.Parsed, place: (offset: number) => string): Omit<YamlFile, 'values'> {
  const nodeAt = (path: readonly PropertyKey[]): number => {
    let node: unknown = document.contents;
    let offset = startOf(node) ?? 0;
    for (const key of path) {
      const child = step(document, node, key);
      if (child === undefined) break;
      offset = child.offset;
      node = child.value;
    }
    return offset;
  };
  return {
    at: (path) => place(nodeAt(path)),
    atKey: (path, key) => place(keyOffset(document, path, key) ?? nodeAt(path)),
  };
}

function step(document: Document.Parsed, parent: unknown, key: PropertyKey) {
  const node = follow(document, parent);
  if (isSeq(node)) {
    const value = node.items[Number(key)];
    return value === undefined ? undefined : { value, offset: startOf(value) ?? startOf(node) ?? 0 };
  }
  const pair = pairOf(node, key);
  if (pair === undefined) return undefined;
  // An empty value has no place of its own.
  const empty = pair.value === null || (isScalar(pair.value) && pair.value.value === null);
  return { value: pair.value, offset: (empty ? startOf(pair.key) : startOf(pair.value)) ?? 0 };
}

function keyOffset(document: Document.Parsed, path: readonly PropertyKey[], key: string): number | undefined {
  let node: unknown = document.contents;
  for (const part of path) node = step(document, node, part)?.value;
  return startOf(pairOf(follow(document, node), key)?.key);
}

function pairOf(node: unknown, key: PropertyKey): Pair<unknown, unknown> | undefined {
  if (!isMap(node)) return undefined;
  return node.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(key));
}

function follow(document: Document.Parsed, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}
