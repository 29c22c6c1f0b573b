import { TemplateError } from './errors.ts';
import type { Lexer } from './lexer.ts';
import { describeToken, type Token, type TokenKind } from './tokens.ts';

/** What belongs to the body that is being parsed: the file's or a `define`'s. */
export interface Scope {
  /** Variables that can be seen from here. */
  variables: string[];
  /** Ranges around this place, which `break` needs. */
  ranges: number;
  /** Line on which the action began; 0 between actions. */
  actionLine: number;
}

export function newScope(): Scope {
  return { variables: ['$'], ranges: 0, actionLine: 0 };
}

/** Tokens with look-ahead, and the errors that name them. */
export class TokenStream {
  readonly name: string;
  readonly functions: { has(name: string): boolean };
  readonly #lexer: Lexer;
  readonly #pending: Token[] = [];
  /** Line of the token that was read last, which is the one errors give. */
  #line = 1;

  constructor(name: string, lexer: Lexer, functions: { has(name: string): boolean }) {
    this.name = name;
    this.functions = functions;
    this.#lexer = lexer;
  }

  next(): Token {
    const pending = this.#pending.pop();
    if (pending !== undefined) return pending;
    const token = this.#lexer.next();
    this.#line = token.line;
    return token;
  }

  peek(): Token {
    const token = this.next();
    this.#pending.push(token);
    return token;
  }

  nextNonSpace(): Token {
    let token = this.next();
    while (token.kind === 'space') token = this.next();
    return token;
  }

  peekNonSpace(): Token {
    const token = this.nextNonSpace();
    this.#pending.push(token);
    return token;
  }

  /** Gives tokens back; the first of them comes next. */
  back(...tokens: readonly Token[]): void {
    this.#pending.push(...tokens.toReversed());
  }

  expect(kind: TokenKind, context: string, scope: Scope): Token {
    const token = this.nextNonSpace();
    return token.kind === kind ? token : this.unexpected(token, context, scope);
  }

  unexpected(token: Token, context: string, scope: Scope): never {
    if (token.kind !== 'error') this.fail(`unexpected ${describeToken(token)} in ${context}`);
    const { actionLine } = scope;
    if (actionLine === 0 || actionLine === token.line) this.fail(token.text);
    const started = ` started at ${this.name}:${actionLine}`;
    this.fail(token.text.endsWith(' action') ? token.text + started : `${token.text} in action${started}`);
  }

  fail(reason: string): never {
    const at = { phase: 'parse', template: this.name, line: this.#line, column: null } as const;
    throw new TemplateError(at, `template: ${this.name}:${this.#line}: ${reason}`, reason);
  }
}
