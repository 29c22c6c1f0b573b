import { fromBytes } from './bytes.ts';
import { FunctionError } from './errors.ts';
import {
  type Flags,
  formatBool,
  formatBytesHex,
  formatFloatFlags,
  formatInteger,
  formatQuoted,
  formatQuotedRune,
  formatRune,
  formatText,
  formatUnicode,
  noFlags,
  pad,
} from './format-flags.ts';
import { sortedKeys } from './keys.ts';
import { type GoType, isSigned } from './kinds.ts';
import { Dict, Float, Int, keyValue, List, Pointer, Struct, typeOf, type Value } from './values.ts';

/** Deeper values are refused: a map can be made to hold itself. */
const MAX_DEPTH = 100;

const integerVerbs: Readonly<Record<string, 2 | 8 | 10 | 16>> = { b: 2, o: 8, O: 8, d: 10, x: 16, X: 16 };

/** Prints values the way Go's fmt does, into one text of bounded size. */
export class Printer {
  text = '';
  flags: Flags = noFlags();
  readonly #maxLength: number;
  /** Inside `%!d(string=…)`, where types' own texts are not used. */
  #erroring = false;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  write(text: string): void {
    this.text += text;
    if (this.text.length > this.#maxLength) {
      throw new FunctionError(`printed text exceeds ${this.#maxLength} bytes`);
    }
  }

  /** One operand with its verb. */
  operand(value: Value, verb: string): void {
    if (value === undefined || value === null) {
      if (verb === 'T' || verb === 'v') this.write(pad('<nil>', this.flags));
      else this.#bad(value, verb);
    } else if (verb === 'w') this.#bad(value, verb);
    else if (verb === 'T') this.write(formatText(typeOf(value)!.name, this.flags));
    else this.#value(value, verb, 0);
  }

  #value(value: Value, verb: string, depth: number): void {
    if (depth > MAX_DEPTH) throw new FunctionError(`value nested deeper than ${MAX_DEPTH} levels`);
    if (value === undefined || value === null) this.write(this.flags.sharpV ? 'interface {}(nil)' : '<nil>');
    else if (typeof value === 'string') this.#string(value, verb, value);
    else if (typeof value === 'boolean') this.#bool(value, verb);
    else if (this.#speaks(value.type, verb)) this.#string(value.type.text!(value), verb, value);
    else if (value instanceof Int) this.#integer(value, verb);
    else if (value instanceof Float) this.#float(value, verb);
    else if (value instanceof Dict) this.#dict(value, verb, depth);
    else if (value instanceof List) this.#list(value, verb, depth);
    else if (value instanceof Struct) this.#struct(value, verb, depth);
    else if (value instanceof Pointer) this.#pointer(value, verb, depth);
    else this.#address(value, verb);
  }

  #speaks(type: GoType, verb: string): boolean {
    return type.text !== null && !this.#erroring && !this.flags.sharpV && 'vsxXq'.includes(verb);
  }

  #bad(value: Value, verb: string): void {
    this.#erroring = true;
    this.write(`%!${verb}(`);
    if (value === undefined || value === null) this.write('<nil>');
    else {
      this.write(`${typeOf(value)!.name}=`);
      this.#value(value, 'v', 0);
    }
    this.write(')');
    this.#erroring = false;
  }

  #bool(value: boolean, verb: string): void {
    if (verb === 't' || verb === 'v') this.write(formatBool(value, this.flags));
    else this.#bad(value, verb);
  }

  #string(text: string, verb: string, value: Value): void {
    if (verb === 's' || (verb === 'v' && !this.flags.sharpV)) this.write(formatText(text, this.flags));
    else if (verb === 'q' || verb === 'v') this.write(formatQuoted(text, this.flags));
    else if (verb === 'x' || verb === 'X') this.write(formatBytesHex(text, verb === 'X', this.flags));
    else this.#bad(value, verb);
  }

  #integer(value: Int, verb: string): void {
    const base = integerVerbs[verb];
    if (verb === 'v' && this.flags.sharpV && !isSigned(value.type.kind)) {
      this.write(formatInteger(value.n, 16, 'v', { ...this.flags, sharp: true }));
    } else if (verb === 'v') this.write(formatInteger(value.n, 10, verb, this.flags));
    else if (base !== undefined) this.write(formatInteger(value.n, base, verb, this.flags));
    else if (verb === 'c') this.write(formatRune(value.n, this.flags));
    else if (verb === 'q') this.write(formatQuotedRune(value.n, this.flags));
    else if (verb === 'U') this.write(formatUnicode(value.n, this.flags));
    else this.#bad(value, verb);
  }

  #float(value: Float, verb: string): void {
    if (/^[vbgGxXfFeE]$/.test(verb)) this.write(formatFloatFlags(value.n, verb, this.flags));
    else this.#bad(value, verb);
  }

  #dict(value: Dict, verb: string, depth: number): void {
    if (this.#typedNil(value)) return;
    const sharp = this.flags.sharpV;
    this.write(sharp ? '{' : 'map[');
    let first = true;
    for (const key of sortedKeys(value)) {
      if (!first) this.write(sharp ? ', ' : ' ');
      first = false;
      this.#value(keyValue(value.type.key!, key), verb, depth + 1);
      this.write(':');
      this.#value(value.entries.get(key), verb, depth + 1);
    }
    this.write(sharp ? '}' : ']');
  }

  #list(value: List, verb: string, depth: number): void {
    if (value.type.elem!.kind === 'uint8' && 'sqxX'.includes(verb)) {
      const bytes = Uint8Array.from(value.items, (item) => Number((item as Int).n));
      return this.#string(fromBytes(bytes), verb, value);
    }
    if (this.#typedNil(value)) return;
    const sharp = this.flags.sharpV;
    this.write(sharp ? '{' : '[');
    for (const [index, item] of value.items.entries()) {
      if (index > 0) this.write(sharp ? ', ' : ' ');
      this.#value(item, verb, depth + 1);
    }
    this.write(sharp ? '}' : ']');
  }

  /** Writes the type's name for `%#v`, and that is all there is of a nil one. */
  #typedNil(value: List | Dict): boolean {
    if (!this.flags.sharpV) return false;
    this.write(value.type.name);
    if (value.isNil) this.write('(nil)');
    return value.isNil;
  }

  #struct(value: Struct, verb: string, depth: number): void {
    const { plusV, sharpV } = this.flags;
    this.write(sharpV ? `${value.type.name}{` : '{');
    for (const [index, field] of value.type.fields.entries()) {
      if (index > 0) this.write(sharpV ? ', ' : ' ');
      if (plusV || sharpV) this.write(`${field.name}:`);
      this.#value(value.values[index], verb, depth + 1);
    }
    this.write('}');
  }

  /** Go prints addresses below the top level, another text on every run; here the pointee prints everywhere. */
  #pointer(value: Pointer, verb: string, depth: number): void {
    if (value.to === undefined) return this.#nilPointer(value, verb);
    const speaks = this.#speaks(typeOf(value.to)!, verb);
    if (depth > 0 && !speaks && !'vbodxX'.includes(verb)) return this.#bad(value, verb);
    if (!speaks) this.write('&');
    this.#value(value.to, verb, depth + 1);
  }

  #nilPointer(value: Pointer, verb: string): void {
    const base = integerVerbs[verb];
    if (base !== undefined && verb !== 'O') this.write(formatInteger(0n, base, verb, this.flags));
    else if (verb !== 'v') this.write(`%!${verb}(${value.type.name}=<nil>)`);
    else this.write(this.flags.sharpV ? `(${value.type.name})(nil)` : pad('<nil>', this.flags));
  }

  /** A function or channel: no address, for the same reason. */
  #address(value: Value, verb: string): void {
    if (verb === 'v' || verb === 'p') this.write(pad(`(${typeOf(value)!.name})`, this.flags));
    else this.#bad(value, verb);
  }
}
