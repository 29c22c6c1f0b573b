import { byteLength, toBytes } from '../template/bytes.ts';
import { FunctionError } from '../template/errors.ts';
import { formatFloat } from '../template/float-text.ts';
import { Dict, Float, Int, keyValue, List, Pointer, Struct, typeOf, type Value } from '../template/values.ts';
import { compareYamlKeys } from './yaml-keys.ts';
import { escapeYaml, readsAsText, styleOf } from './yaml-scalars.ts';

/** Deeper values are refused: a map can be made to hold itself. */
const MAX_DEPTH = 100;
/** Longer lines are folded at their next space. */
const BEST_WIDTH = 80;
/** Bytes of a key that stands before its colon on one line. */
const MAX_SIMPLE_KEY_BYTES = 128;

/** YAML as yaml.v2 writes it: two spaces a level, dashes of a list below the key they belong to. */
export function encodeYaml(value: Value, maxChars: number): string {
  const encoder = new Encoder(maxChars);
  encoder.node(value, -2, 'start', 0);
  return encoder.text();
}

/** Where a value begins: on a line of its own, after `key:`, or after a dash. */
type Place = 'start' | 'value' | 'item';

class Encoder {
  readonly #maxChars: number;
  readonly #pieces: string[] = [];
  #length = 0;
  #column = 0;

  constructor(maxChars: number) {
    this.#maxChars = maxChars;
  }

  text(): string {
    return `${this.#pieces.join('')}\n`;
  }

  /** @param indent that of the mapping or list around it */
  node(given: Value, indent: number, place: Place, depth: number): void {
    if (depth > MAX_DEPTH) throw new FunctionError(`yaml: value nested deeper than ${MAX_DEPTH} levels`);
    let value = given;
    while (value instanceof Pointer) value = value.to;
    if (value instanceof Dict || value instanceof Struct) this.#mapping(value, indent, place, depth);
    else if (value instanceof List) this.#list(value, indent, place, depth);
    else {
      if (place === 'value') this.#write(' ');
      this.#scalar(value, place === 'start' ? 2 : indent + 2, false);
    }
  }

  #mapping(map: Dict | Struct, indent: number, place: Place, depth: number): void {
    const members = membersOf(map);
    if (members.length === 0) return this.#write(place === 'value' ? ' {}' : '{}');
    let isInline = place !== 'value';
    for (const [key, item] of members) {
      if (!isInline) this.#newLine(indent + 2);
      isInline = false;
      const isSimple =
        typeof key !== 'string' || (!key.includes('\n') && byteLength(key) <= MAX_SIMPLE_KEY_BYTES);
      if (isSimple) {
        this.#scalar(key, indent + 4, true);
        this.#write(':');
        this.node(item, indent + 2, 'value', depth + 1);
      } else {
        this.#write('? ');
        this.#scalar(key, indent + 4, false);
        this.#newLine(indent + 2);
        this.#write(': ');
        this.node(item, indent + 2, 'item', depth + 1);
      }
    }
  }

  #list(list: List, indent: number, place: Place, depth: number): void {
    if (list.items.length === 0) return this.#write(place === 'value' ? ' []' : '[]');
    const own = place === 'value' ? indent : indent + 2;
    let isInline = place !== 'value';
    for (const item of list.items) {
      if (!isInline) this.#newLine(own);
      isInline = false;
      this.#write('- ');
      this.node(item, own, 'item', depth + 1);
    }
  }

  #scalar(value: Value, indent: number, isKey: boolean): void {
    if (value === undefined || value === null) this.#write('null');
    else if (typeof value === 'boolean') this.#write(String(value));
    else if (value instanceof Int) this.#write(value.n.toString());
    else if (value instanceof Float) this.#write(floatYaml(value.n));
    else if (typeof value === 'string') this.#string(value, indent, isKey);
    else throw new FunctionError(`yaml: cannot marshal type: ${typeOf(value)!.name}`);
  }

  #string(text: string, indent: number, isKey: boolean): void {
    if (!text.isWellFormed()) {
      this.#write('!!binary ');
      return this.#written(wrapBase64(Buffer.from(toBytes(text)).toString('base64')), true, indent, isKey);
    }
    this.#written(text, readsAsText(text), indent, isKey);
  }

  #written(text: string, isText: boolean, indent: number, isKey: boolean): void {
    const style = styleOf(text, isText, isKey);
    if (style === 'literal') this.#literal(text, indent);
    else if (style === 'plain') this.#folded(text, indent, isKey, (rune) => rune);
    else if (style === 'single') {
      this.#write("'");
      this.#folded(text, indent, isKey, (rune) => (rune === "'" ? "''" : rune));
      this.#write("'");
    } else {
      this.#write('"');
      this.#folded(text, indent, isKey, escapeYaml, true);
      this.#write('"');
    }
  }

  /** Breaks lines at spaces between words; inside double quotes also before further spaces, which then are marked. */
  #folded(
    text: string,
    indent: number,
    isKey: boolean,
    shown: (rune: string) => string,
    isDouble = false,
  ): void {
    if (isKey || this.#column + text.length <= BEST_WIDTH) return this.#write([...text].map(shown).join(''));
    const runes = [...text];
    let afterSpace = false;
    for (const [at, rune] of runes.entries()) {
      const isInside = at > 0 && at < runes.length - 1;
      const isAlone = isDouble || runes[at + 1] !== ' ';
      if (rune === ' ' && !afterSpace && this.#column > BEST_WIDTH && isInside && isAlone) {
        this.#newLine(indent);
        if (runes[at + 1] === ' ') this.#write('\\');
      } else this.#write(shown(rune));
      afterSpace = rune === ' ';
    }
  }

  /** `|`, each line at the indent; says so where the text begins with space or does not end in one line break. */
  #literal(text: string, indent: number): void {
    const hint = /^[ \n]/.test(text) ? '2' : '';
    const chomp = !text.endsWith('\n') ? '-' : text === '\n' || text.endsWith('\n\n') ? '+' : '';
    this.#write(`|${hint}${chomp}`);
    const lines = text.split('\n');
    // The line break at the end is that of what follows.
    if (lines.at(-1) === '') lines.pop();
    for (const line of lines) {
      if (line === '') this.#newLine(0);
      else {
        this.#newLine(indent);
        this.#write(line);
      }
    }
  }

  #newLine(indent: number): void {
    this.#write(`\n${' '.repeat(indent)}`);
    this.#column = indent;
  }

  #write(text: string): void {
    this.#pieces.push(text);
    this.#column += text.length;
    this.#length += text.length;
    if (this.#length > this.#maxChars) throw new FunctionError(`yaml: text exceeds ${this.#maxChars} bytes`);
  }
}

/** Fields go by their names in small letters. */
function membersOf(map: Dict | Struct): readonly (readonly [Value, Value])[] {
  if (map instanceof Struct) {
    return map.type.fields.map((field, at) => [field.name.toLowerCase(), map.values[at]]);
  }
  const keys = [...map.entries.keys()].sort(compareYamlKeys);
  return keys.map((key) => [keyValue(map.type.key!, key), map.entries.get(key)]);
}

function floatYaml(n: number): string {
  if (Number.isNaN(n)) return '.nan';
  if (!Number.isFinite(n)) return n > 0 ? '.inf' : '-.inf';
  return formatFloat(n, 'g', -1);
}

const BASE64_LINE = 70;

/** Lines of 70 where there is more than one. */
function wrapBase64(text: string): string {
  const lines = text.match(new RegExp(`.{1,${BASE64_LINE}}`, 'g')) ?? [];
  return Math.floor(text.length / BASE64_LINE) === 0 ? text : `${lines.join('\n')}\n`;
}
