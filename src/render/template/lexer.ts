import { characterName, isSpace, LETTER_OR_DIGIT } from './characters.ts';
import { quote } from './quote.ts';
import { keywords, type Token, type TokenKind } from './tokens.ts';

export interface Delimiters {
  readonly left: string;
  readonly right: string;
}

const decimalDigits = '0123456789_';
const hexDigits = '0123456789abcdefABCDEF_';

/** Cuts a template into tokens, one at a time; after an error there are none. */
export class Lexer {
  readonly #input: string;
  readonly #left: string;
  readonly #right: string;
  readonly #functions: { has(name: string): boolean };
  #start = 0;
  #at = 0;
  /** Line on which the token starts. */
  #line = 1;
  #parens = 0;
  #inAction = false;
  #failed = false;

  constructor(input: string, delimiters: Delimiters, functions: { has(name: string): boolean }) {
    this.#input = input;
    this.#left = delimiters.left;
    this.#right = delimiters.right;
    this.#functions = functions;
  }

  next(): Token {
    if (this.#failed) return { kind: 'eof', text: '', offset: this.#at, line: this.#line };
    return this.#inAction ? this.#insideAction() : this.#textOrDelimiter();
  }

  #emit(kind: TokenKind): Token {
    const token = {
      kind,
      text: this.#input.slice(this.#start, this.#at),
      offset: this.#start,
      line: this.#line,
    };
    this.#skip();
    return token;
  }

  /** Leaves out what was read since the last token. */
  #skip(): void {
    for (let at = this.#start; at < this.#at; at++) {
      if (this.#input.charCodeAt(at) === 10) this.#line++;
    }
    this.#start = this.#at;
  }

  #fail(text: string): Token {
    this.#failed = true;
    return { kind: 'error', text, offset: this.#start, line: this.#line };
  }

  #textOrDelimiter(): Token {
    for (;;) {
      const found = this.#input.indexOf(this.#left, this.#at);
      if (found < 0) {
        this.#at = this.#input.length;
        return this.#emit(this.#at > this.#start ? 'text' : 'eof');
      }
      this.#at = found;
      if (this.#isLeftTrim(found + this.#left.length)) {
        while (this.#at > this.#start && isSpace(this.#input.charAt(this.#at - 1))) this.#at--;
      }
      if (this.#at > this.#start) return this.#emit('text');
      this.#at = found;
      this.#skip();
      if (!this.#isComment()) return this.#leftDelimiter();
      const problem = this.#comment();
      if (problem !== null) return this.#fail(problem);
    }
  }

  #isLeftTrim(at: number): boolean {
    return this.#input.charAt(at) === '-' && isSpace(this.#input.charAt(at + 1));
  }

  #isComment(): boolean {
    const after = this.#at + this.#left.length;
    return this.#input.startsWith('/*', this.#isLeftTrim(after) ? after + 2 : after);
  }

  #leftDelimiter(): Token {
    this.#at += this.#left.length;
    const token = this.#emit('leftDelim');
    if (this.#isLeftTrim(this.#at)) this.#at += 2;
    this.#skip();
    this.#inAction = true;
    this.#parens = 0;
    return token;
  }

  /** Passes over a comment; what is wrong with it, or null. */
  #comment(): string | null {
    this.#at += this.#left.length;
    if (this.#isLeftTrim(this.#at)) this.#at += 2;
    this.#skip();
    const end = this.#input.indexOf('*/', this.#at + 2);
    if (end < 0) return 'unclosed comment';
    this.#at = end + 2;
    const delimiter = this.#rightDelimiter();
    if (delimiter === null) return 'comment ends before closing delimiter';
    this.#passRight(delimiter);
    return null;
  }

  /** Whether the action ends here, plainly or with a trim marker. */
  #rightDelimiter(): 'plain' | 'trim' | null {
    const marked = isSpace(this.#input.charAt(this.#at)) && this.#input.charAt(this.#at + 1) === '-';
    if (marked && this.#input.startsWith(this.#right, this.#at + 2)) return 'trim';
    return this.#input.startsWith(this.#right, this.#at) ? 'plain' : null;
  }

  #passRight(delimiter: 'plain' | 'trim'): Token {
    if (delimiter === 'trim') {
      this.#at += 2;
      this.#skip();
    }
    this.#at += this.#right.length;
    const token = this.#emit('rightDelim');
    if (delimiter === 'trim') while (isSpace(this.#input.charAt(this.#at))) this.#at++;
    this.#skip();
    this.#inAction = false;
    return token;
  }

  #insideAction(): Token {
    const delimiter = this.#rightDelimiter();
    if (delimiter !== null)
      return this.#parens === 0 ? this.#passRight(delimiter) : this.#fail('unclosed left paren');
    const rune = this.#peek();
    if (rune === '') return this.#fail('unclosed action');
    if (isSpace(rune)) return this.#space();
    if (
      rune === '.' &&
      !/^[0-9]$/.test(this.#input.charAt(this.#at + 1)) &&
      this.#at + 1 < this.#input.length
    ) {
      return this.#fieldOrVariable('field');
    }
    if (/^[0-9+.-]$/.test(rune)) return this.#number();
    if (LETTER_OR_DIGIT.test(rune)) return this.#identifier();
    this.#at += rune.length;
    return this.#mark(rune);
  }

  #mark(rune: string): Token {
    switch (rune) {
      case '=':
        return this.#emit('assign');
      case ':':
        return this.#accept('=') ? this.#emit('declare') : this.#fail('expected :=');
      case '|':
        return this.#emit('pipe');
      case '"':
        return this.#quoted('"', 'string', 'unterminated quoted string');
      case "'":
        return this.#quoted("'", 'charConstant', 'unterminated character constant');
      case '`':
        return this.#raw();
      case '$':
        this.#at--;
        return this.#fieldOrVariable('variable');
      case '(':
        this.#parens++;
        return this.#emit('leftParen');
      case ')':
        return --this.#parens < 0 ? this.#fail('unexpected right paren') : this.#emit('rightParen');
      default:
        if (/^[!-~]$/.test(rune)) return this.#emit('char');
        return this.#fail(`unrecognized character in action: ${characterName(rune)}`);
    }
  }

  #space(): Token {
    while (isSpace(this.#input.charAt(this.#at)) && this.#rightDelimiter() === null) this.#at++;
    return this.#emit('space');
  }

  #identifier(): Token {
    this.#passWord();
    if (!this.#atTerminator()) return this.#fail(`bad character ${characterName(this.#peek())}`);
    const word = this.#input.slice(this.#start, this.#at);
    const keyword = keywords.get(word);
    if (keyword !== undefined && !this.#isFunction(word)) return this.#emit(keyword);
    return this.#emit(word === 'true' || word === 'false' ? 'bool' : 'identifier');
  }

  /** `break` and `continue` came late to Go: functions of those names keep them. */
  #isFunction(word: string): boolean {
    return (word === 'break' || word === 'continue') && this.#functions.has(word);
  }

  #fieldOrVariable(kind: 'field' | 'variable'): Token {
    this.#at++;
    if (this.#atTerminator()) return this.#emit(kind === 'field' ? 'dot' : 'variable');
    this.#passWord();
    if (!this.#atTerminator()) return this.#fail(`bad character ${characterName(this.#peek())}`);
    return this.#emit(kind);
  }

  #passWord(): void {
    for (let rune = this.#peek(); LETTER_OR_DIGIT.test(rune); rune = this.#peek()) this.#at += rune.length;
  }

  /** Whether a name may end here: `$x+2` needs its spaces. */
  #atTerminator(): boolean {
    const rune = this.#peek();
    return (
      rune === '' || isSpace(rune) || '.,|:)('.includes(rune) || this.#input.startsWith(this.#right, this.#at)
    );
  }

  #quoted(mark: string, kind: 'string' | 'charConstant', unterminated: string): Token {
    for (;;) {
      const rune = this.#peek();
      if (rune === '' || rune === '\n') return this.#fail(unterminated);
      this.#at += rune.length;
      if (rune === mark) return this.#emit(kind);
      if (rune !== '\\') continue;
      const escaped = this.#peek();
      if (escaped === '' || escaped === '\n') return this.#fail(unterminated);
      this.#at += escaped.length;
    }
  }

  #raw(): Token {
    const end = this.#input.indexOf('`', this.#at);
    if (end < 0) return this.#fail('unterminated raw quoted string');
    this.#at = end + 1;
    return this.#emit('rawString');
  }

  #number(): Token {
    if (!this.#passNumber()) return this.#badNumber();
    const sign = this.#peek();
    if (sign !== '+' && sign !== '-') return this.#emit('number');
    if (!this.#passNumber() || this.#input.charAt(this.#at - 1) !== 'i') return this.#badNumber();
    return this.#emit('complex');
  }

  #badNumber(): Token {
    return this.#fail(`bad number syntax: ${quote(this.#input.slice(this.#start, this.#at))}`);
  }

  /** Anything that looks like a number; whether it is one, the parser finds out. */
  #passNumber(): boolean {
    this.#accept('+-');
    let digits = decimalDigits;
    if (this.#accept('0')) {
      if (this.#accept('xX')) digits = hexDigits;
      else if (this.#accept('oO')) digits = '01234567_';
      else if (this.#accept('bB')) digits = '01_';
    }
    this.#acceptRun(digits);
    if (this.#accept('.')) this.#acceptRun(digits);
    const exponent = digits === decimalDigits ? 'eE' : digits === hexDigits ? 'pP' : '';
    if (exponent !== '' && this.#accept(exponent)) {
      this.#accept('+-');
      this.#acceptRun(decimalDigits);
    }
    this.#accept('i');
    const after = this.#peek();
    if (!LETTER_OR_DIGIT.test(after)) return true;
    this.#at += after.length;
    return false;
  }

  #accept(valid: string): boolean {
    const rune = this.#input.charAt(this.#at);
    if (rune === '' || !valid.includes(rune)) return false;
    this.#at++;
    return true;
  }

  #acceptRun(valid: string): void {
    while (this.#accept(valid));
  }

  /** The character at this place; empty at the end. */
  #peek(): string {
    const code = this.#input.codePointAt(this.#at);
    return code === undefined ? '' : String.fromCodePoint(code);
  }
}
