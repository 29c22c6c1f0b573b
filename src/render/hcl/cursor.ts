import { HclError, type Place } from './nodes.ts';

/** A position in a text that knows its line and column. */
export class Cursor {
  readonly #text: string;
  #offset = 0;
  #line = 1;
  #lineStart = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get offset(): number {
    return this.#offset;
  }

  get place(): Place {
    return { line: this.#line, column: this.#offset - this.#lineStart + 1 };
  }

  /** The next character, or one further on; `''` at the end. */
  peek(ahead = 0): string {
    return this.#text.charAt(this.#offset + ahead);
  }

  next(): string {
    const character = this.#text.charAt(this.#offset);
    if (character === '') return '';
    this.#offset += 1;
    if (character === '\n') {
      this.#line += 1;
      this.#lineStart = this.#offset;
    }
    return character;
  }

  /** Consumes what a sticky pattern matches here; `''` when it does not. It may not match line breaks. */
  match(pattern: RegExp): string {
    pattern.lastIndex = this.#offset;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#offset += found.length;
    return found;
  }

  /** The rest of the line without its break, which is consumed too; null at the end of the text. */
  line(): string | null {
    if (this.#offset >= this.#text.length) return null;
    const end = this.#text.indexOf('\n', this.#offset);
    const line = this.#text.slice(this.#offset, end === -1 ? undefined : end);
    this.#offset += line.length;
    this.next();
    return line;
  }

  since(offset: number): string {
    return this.#text.slice(offset, this.#offset);
  }

  fail(message: string, at: Place = this.place): never {
    throw new HclError(at, message);
  }
}
