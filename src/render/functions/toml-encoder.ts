import { compareText } from '../template/bytes.ts';
import { FunctionError } from '../template/errors.ts';
import { formatFloat } from '../template/float-text.ts';
import { isNil } from '../template/truth.ts';
import { Dict, Float, Int, List, Pointer, Struct, typeOf, type Value } from '../template/values.ts';

/** TOML as BurntSushi's encoder writes it: plain values first, then tables, indented by two spaces, keys sorted. */

const MAX_DEPTH = 100;

export function encodeToml(value: Value): string {
  const top = target(value);
  if (!(top instanceof Dict || top instanceof Struct)) {
    throw new FunctionError('toml: top-level values must be Go maps or structs');
  }
  const lines: string[] = [];
  writeTable(lines, top, []);
  return lines.join('\n').trim();
}

type Table = Dict | Struct;

function target(value: Value): Value {
  let at = value;
  while (at instanceof Pointer) at = at.to;
  return at;
}

function membersOf(table: Table): readonly (readonly [string, Value])[] {
  if (table instanceof Struct) {
    return table.type.fields.map((field, at) => [field.name, target(table.values[at])]);
  }
  if (table.type.key!.kind !== 'string')
    throw new FunctionError('toml: cannot encode a map with non-string key type');
  const entries = [...table.entries] as [string, Value][];
  return entries.map(([key, item]) => [key, target(item)] as const).sort(([a], [b]) => compareText(a, b));
}

function isTable(value: Value): value is Table {
  return value instanceof Dict || value instanceof Struct;
}

/** A list of nothing but tables gets a heading for each. */
function isTableList(value: Value): value is List {
  return (
    value instanceof List && value.items.length > 0 && value.items.every((item) => isTable(target(item)))
  );
}

function writeTable(lines: string[], table: Table, path: readonly string[]): void {
  if (path.length > MAX_DEPTH) throw new FunctionError(`toml: tables nested deeper than ${MAX_DEPTH}`);
  const indent = '  '.repeat(path.length);
  const members = membersOf(table).filter(([, item]) => !isNil(item));
  const isPlain = ([, item]: readonly [string, Value]): boolean => !isTable(item) && !isTableList(item);
  for (const [key, item] of members.filter(isPlain))
    lines.push(`${indent}${bareKey(key)} = ${inline(item, 0)}`);
  for (const [key, item] of members) {
    const below = [...path, bareKey(key)];
    const heading = '  '.repeat(path.length);
    if (isTable(item)) {
      if (path.length === 0 && lines.length > 0) lines.push('');
      lines.push(`${heading}[${below.join('.')}]`);
      writeTable(lines, item, below);
    } else if (isTableList(item)) {
      for (const each of item.items) {
        if (lines.length > 0) lines.push('');
        lines.push(`${heading}[[${below.join('.')}]]`);
        writeTable(lines, target(each) as Table, below);
      }
    }
  }
}

function inline(value: Value, depth: number): string {
  if (depth > MAX_DEPTH) throw new FunctionError(`toml: values nested deeper than ${MAX_DEPTH}`);
  if (typeof value === 'string') return quoteToml(value);
  if (typeof value === 'boolean') return String(value);
  if (value instanceof Int) return value.n.toString();
  if (value instanceof Float) return floatToml(value.n);
  if (value instanceof List) {
    const items = value.items.map((item) => {
      if (isNil(item)) throw new FunctionError('toml: cannot encode array with nil element');
      return inline(target(item), depth + 1);
    });
    return `[${items.join(', ')}]`;
  }
  if (isTable(value)) {
    const members = membersOf(value).filter(([, item]) => !isNil(item));
    return `{${members.map(([key, item]) => `${bareKey(key)} = ${inline(item, depth + 1)}`).join(', ')}}`;
  }
  throw new FunctionError(`toml: unsupported type: ${typeOf(value)?.name ?? 'nil'}`);
}

function bareKey(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : quoteToml(key);
}

function floatToml(n: number): string {
  if (Number.isNaN(n)) return 'nan';
  if (!Number.isFinite(n)) return n > 0 ? 'inf' : '-inf';
  const text = formatFloat(n, 'g', -1);
  if (text.includes('e')) return text;
  return text.includes('.') ? text : `${text}.0`;
}

const escapes: Readonly<Record<string, string>> = {
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
  '"': '\\"',
  '\\': '\\\\',
};

function quoteToml(text: string): string {
  const quoted = text.replace(
    /["\\\u0000-\u001f\u007f]/g,
    (rune) => escapes[rune] ?? `\\u${rune.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `"${quoted}"`;
}
