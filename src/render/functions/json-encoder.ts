import { compareText, escapedByte } from '../template/bytes.ts';
import { FunctionError } from '../template/errors.ts';
import { formatFloat } from '../template/float-text.ts';
import { Dict, Float, Int, List, Pointer, Struct, typeOf, type Value } from '../template/values.ts';

export interface JsonStyle {
  /** `<`, `>` and `&` as escapes, for JSON inside HTML: encoding/json's default. */
  readonly escapesHtml: boolean;
  /** Of one level; '' writes everything on one line. */
  readonly indent: string;
}

/** Deeper values are refused: a map can be made to hold itself. */
const MAX_DEPTH = 100;

/** Go's encoding/json: keys of maps sorted, fields in their order, nil lists and maps as null. */
export function encodeJson(value: Value, style: JsonStyle, maxChars: number): string {
  return new Encoder(style, maxChars).encoded(value);
}

class Encoder {
  readonly #style: JsonStyle;
  readonly #maxChars: number;
  #text = '';

  constructor(style: JsonStyle, maxChars: number) {
    this.#style = style;
    this.#maxChars = maxChars;
  }

  encoded(value: Value): string {
    this.#value(value, 0);
    return this.#text;
  }

  #write(text: string): void {
    this.#text += text;
    if (this.#text.length > this.#maxChars)
      throw new FunctionError(`json: text exceeds ${this.#maxChars} bytes`);
  }

  #value(value: Value, depth: number): void {
    if (depth > MAX_DEPTH) throw new FunctionError(`json: value nested deeper than ${MAX_DEPTH} levels`);
    if (value === undefined || value === null) this.#write('null');
    else if (typeof value === 'string') this.#write(quoteJson(value, this.#style.escapesHtml));
    else if (typeof value === 'boolean') this.#write(String(value));
    else if (value instanceof Int) this.#write(value.n.toString());
    else if (value instanceof Float) this.#write(floatJson(value.n));
    else if (value instanceof List) this.#list(value, depth);
    else if (value instanceof Dict) this.#dict(value, depth);
    else if (value instanceof Struct) {
      const fields = value.type.fields.map((field, at) => [field.name, value.values[at]] as const);
      this.#members(fields, depth);
    } else if (value instanceof Pointer) this.#value(value.to, depth);
    else throw new FunctionError(`json: unsupported type: ${typeOf(value)!.name}`);
  }

  #list(list: List, depth: number): void {
    if (list.isNil) return this.#write('null');
    if (list.type.elem!.kind === 'uint8') {
      const bytes = Buffer.from(list.items.map((item) => Number((item as Int).n)));
      return this.#write(`"${bytes.toString('base64')}"`);
    }
    if (list.items.length === 0) return this.#write('[]');
    this.#write('[');
    for (const [index, item] of list.items.entries()) {
      if (index > 0) this.#write(',');
      this.#newLine(depth + 1);
      this.#value(item, depth + 1);
    }
    this.#newLine(depth);
    this.#write(']');
  }

  #dict(map: Dict, depth: number): void {
    if (
      map.type.key!.kind === 'interface' ||
      map.type.key!.kind === 'bool' ||
      map.type.key!.kind === 'float64'
    )
      throw new FunctionError(`json: unsupported type: ${map.type.name}`);
    if (map.isNil) return this.#write('null');
    const members = [...map.entries].map(([key, item]) => [String(key), item] as const);
    this.#members(
      members.sort(([a], [b]) => compareText(a, b)),
      depth,
    );
  }

  #members(members: readonly (readonly [string, Value])[], depth: number): void {
    if (members.length === 0) return this.#write('{}');
    this.#write('{');
    for (const [index, [name, item]] of members.entries()) {
      if (index > 0) this.#write(',');
      this.#newLine(depth + 1);
      this.#write(quoteJson(name, this.#style.escapesHtml));
      this.#write(this.#style.indent === '' ? ':' : ': ');
      this.#value(item, depth + 1);
    }
    this.#newLine(depth);
    this.#write('}');
  }

  #newLine(depth: number): void {
    if (this.#style.indent !== '') this.#write(`\n${this.#style.indent.repeat(depth)}`);
  }
}

const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

function quoteJson(text: string, escapesHtml: boolean): string {
  const special = escapesHtml
    ? /["\\\u0000-\u001f<>&\u2028\u2029\udc80-\udcff]/gu
    : /["\\\u0000-\u001f\u2028\u2029\udc80-\udcff]/gu;
  const quoted = text.replace(special, (rune) => {
    const code = rune.charCodeAt(0);
    if (escapedByte(code) >= 0) return '\\ufffd';
    return shortEscapes[rune] ?? `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return `"${quoted}"`;
}

/** As JavaScript writes numbers, with an exponent from 1e21 and below 1e-6. */
function floatJson(n: number): string {
  if (!Number.isFinite(n)) throw new FunctionError(`json: unsupported value: ${formatFloat(n, 'g', -1)}`);
  const size = Math.abs(n);
  if (size !== 0 && (size < 1e-6 || size >= 1e21)) return formatFloat(n, 'e', -1).replace(/e-0(\d)$/, 'e-$1');
  return formatFloat(n, 'f', -1);
}
