import { canonical } from './bytes.ts';
import { noFlags } from './format-flags.ts';
import { Printer } from './printer.ts';
import { Int, typeOf, type Value } from './values.ts';

/** Go's fmt.Sprint: a space between two operands neither of which is a string. */
export function sprint(values: readonly Value[], maxLength: number): string {
  const printer = new Printer(maxLength);
  let lastWasText = false;
  for (const [index, value] of values.entries()) {
    const isText = typeOf(value)?.kind === 'string';
    if (index > 0 && !isText && !lastWasText) printer.write(' ');
    printer.operand(value, 'v');
    lastWasText = isText;
  }
  return canonical(printer.text);
}

/** Go's fmt.Sprintln: spaces between all, and a newline. */
export function sprintln(values: readonly Value[], maxLength: number): string {
  const printer = new Printer(maxLength);
  for (const [index, value] of values.entries()) {
    if (index > 0) printer.write(' ');
    printer.operand(value, 'v');
  }
  printer.write('\n');
  return canonical(printer.text);
}

/** Go's fmt.Sprintf, its complaints about operands included in the text. */
export function sprintf(format: string, values: readonly Value[], maxLength: number): string {
  const run = new Sprintf(format, values, maxLength);
  return canonical(run.text());
}

/** Wider and longer than this is taken for a mistake, as in Go. */
const MAX_NUMBER = 1_000_000;

class Sprintf {
  readonly #format: string;
  readonly #values: readonly Value[];
  readonly #printer: Printer;
  #at = 0;
  #next = 0;
  /** An index such as `[3]` was seen: surplus operands can no longer be told. */
  #reordered = false;
  #goodIndex = true;
  #afterIndex = false;

  constructor(format: string, values: readonly Value[], maxLength: number) {
    this.#format = format;
    this.#values = values;
    this.#printer = new Printer(maxLength);
  }

  text(): string {
    while (this.#at < this.#format.length) {
      const percent = this.#format.indexOf('%', this.#at);
      const end = percent < 0 ? this.#format.length : percent;
      this.#printer.write(this.#format.slice(this.#at, end));
      this.#at = end + 1;
      if (percent >= 0) this.#directive();
    }
    this.#surplus();
    return this.#printer.text;
  }

  #directive(): void {
    this.#goodIndex = true;
    this.#afterIndex = false;
    this.#printer.flags = noFlags();
    this.#readFlags();
    this.#readIndex();
    this.#readWidth();
    this.#readPrecision();
    if (!this.#afterIndex) this.#readIndex();
    if (this.#at >= this.#format.length) return this.#printer.write('%!(NOVERB)');
    const verb = String.fromCodePoint(this.#format.codePointAt(this.#at)!);
    this.#at += verb.length;
    this.#apply(verb);
  }

  #apply(verb: string): void {
    if (verb === '%') return this.#printer.write('%');
    if (!this.#goodIndex) return this.#printer.write(`%!${verb}(BADINDEX)`);
    if (this.#next >= this.#values.length) return this.#printer.write(`%!${verb}(MISSING)`);
    const value = this.#values[this.#next++];
    const { flags } = this.#printer;
    if (verb === 'v') {
      flags.sharpV = flags.sharp;
      flags.sharp = false;
      flags.plusV = flags.plus;
      flags.plus = false;
    }
    this.#printer.operand(value, verb);
  }

  #readFlags(): void {
    const { flags } = this.#printer;
    for (; this.#at < this.#format.length; this.#at++) {
      const flag = this.#format.charAt(this.#at);
      if (flag === '#') flags.sharp = true;
      else if (flag === '0') flags.zero = !flags.minus;
      else if (flag === '+') flags.plus = true;
      else if (flag === ' ') flags.space = true;
      else if (flag === '-') {
        flags.minus = true;
        flags.zero = false;
      } else return;
    }
  }

  #readWidth(): void {
    const { flags } = this.#printer;
    if (this.#format.charAt(this.#at) === '*') {
      this.#at++;
      flags.width = this.#numberOperand();
      if (flags.width === null) this.#printer.write('%!(BADWIDTH)');
      else if (flags.width < 0) {
        flags.width = -flags.width;
        flags.minus = true;
        flags.zero = false;
      }
      this.#afterIndex = false;
      return;
    }
    flags.width = this.#readNumber();
    if (this.#afterIndex && flags.width !== null) this.#goodIndex = false;
  }

  #readPrecision(): void {
    if (this.#at + 1 >= this.#format.length || this.#format.charAt(this.#at) !== '.') return;
    const { flags } = this.#printer;
    this.#at++;
    if (this.#afterIndex) this.#goodIndex = false;
    this.#readIndex();
    if (this.#format.charAt(this.#at) !== '*') {
      flags.precision = this.#readNumber() ?? 0;
      return;
    }
    this.#at++;
    const precision = this.#numberOperand();
    flags.precision = precision !== null && precision >= 0 ? precision : null;
    if (flags.precision === null) this.#printer.write('%!(BADPREC)');
    this.#afterIndex = false;
  }

  /** Digits at this place; null where there are none, or too many for a width. */
  #readNumber(): number | null {
    const digits = /^[0-9]+/.exec(this.#format.slice(this.#at, this.#at + 10))?.[0] ?? '';
    if (digits === '') return null;
    if (Number(digits) > MAX_NUMBER * 10) {
      this.#at = this.#format.length;
      return null;
    }
    this.#at += digits.length;
    return Number(digits);
  }

  #numberOperand(): number | null {
    if (this.#next >= this.#values.length) return null;
    const value = this.#values[this.#next++];
    if (!(value instanceof Int)) return null;
    return value.n > MAX_NUMBER || value.n < -MAX_NUMBER ? null : Number(value.n);
  }

  /** `[n]`: which operand comes next, from 1. */
  #readIndex(): void {
    this.#afterIndex = false;
    if (this.#format.charAt(this.#at) !== '[') return;
    this.#reordered = true;
    const close = this.#format.indexOf(']', this.#at);
    // Go looks for no index in fewer than three characters.
    if (close < 0 || this.#format.length - this.#at < 3) {
      this.#goodIndex = false;
      this.#at++;
      return;
    }
    const text = this.#format.slice(this.#at + 1, close);
    const index = /^[0-9]{1,7}$/.test(text) ? Number(text) - 1 : -1;
    this.#at = close + 1;
    this.#afterIndex = /^[0-9]{1,7}$/.test(text);
    if (index >= 0 && index < this.#values.length) this.#next = index;
    else this.#goodIndex = false;
  }

  #surplus(): void {
    if (this.#reordered || this.#next >= this.#values.length) return;
    this.#printer.flags = noFlags();
    this.#printer.write('%!(EXTRA ');
    for (const [index, value] of this.#values.slice(this.#next).entries()) {
      if (index > 0) this.#printer.write(', ');
      if (value === undefined || value === null) this.#printer.write('<nil>');
      else {
        this.#printer.write(`${typeOf(value)!.name}=`);
        this.#printer.operand(value, 'v');
      }
    }
    this.#printer.write(')');
  }
}
