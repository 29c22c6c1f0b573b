import { NeedsMore, refuse } from './outcome.ts';

/**
 * Walks over bytes as characters. A rule asks for one character after the other and starts anew when there are more
 * bytes: nothing to resume, nothing to get wrong between two reads.
 */
export class Cursor {
  at = 0;
  /** What to say when the limit is reached. */
  tooLarge: () => never = () => refuse('head-too-large', 431);
  readonly #text: string;
  readonly #limit: number;

  constructor(bytes: Buffer, limit = Number.POSITIVE_INFINITY) {
    this.#text = bytes.toString('latin1', 0, Math.min(bytes.length, limit));
    this.#limit = limit;
  }

  /** The next character, not yet taken. */
  peek(): string {
    if (this.at < this.#text.length) return this.#text[this.at]!;
    if (this.at >= this.#limit) this.tooLarge();
    throw new NeedsMore();
  }

  take(): string {
    const char = this.peek();
    this.at++;
    return char;
  }

  /** Exactly this text, or `otherwise` at the first character that differs. */
  expect(text: string, otherwise: () => never): void {
    for (const char of text) {
      if (this.peek() !== char) otherwise();
      this.at++;
    }
  }

  /** All characters of a set up to the first other one, which must have arrived: only it ends the run. */
  run(set: ReadonlySet<string>, most = Number.POSITIVE_INFINITY, tooMany?: () => never): string {
    const start = this.at;
    while (set.has(this.peek())) {
      this.at++;
      if (this.at - start > most) tooMany?.();
    }
    return this.#text.slice(start, this.at);
  }

  /** The next `count` characters or as many as there are. */
  upTo(count: number): string {
    const text = this.#text.slice(this.at, this.at + count);
    this.at += text.length;
    return text;
  }
}
