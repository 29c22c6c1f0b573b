import { byteLength } from './bytes.ts';
import { quote } from './quote.ts';

export type TokenKind =
  | 'error'
  | 'eof'
  | 'text'
  | 'leftDelim'
  | 'rightDelim'
  | 'leftParen'
  | 'rightParen'
  | 'space'
  | 'pipe'
  | 'assign'
  | 'declare'
  | 'char'
  | 'bool'
  | 'charConstant'
  | 'complex'
  | 'number'
  | 'string'
  | 'rawString'
  | 'identifier'
  | 'field'
  | 'variable'
  | Keyword;

/** Words that cannot name a function; `dot` and `nil` count as such in messages, too. */
export type Keyword =
  | 'dot'
  | 'nil'
  | 'block'
  | 'break'
  | 'continue'
  | 'define'
  | 'else'
  | 'end'
  | 'if'
  | 'range'
  | 'template'
  | 'with';

export const keywords: ReadonlyMap<string, Keyword> = new Map<string, Keyword>([
  ['nil', 'nil'],
  ['block', 'block'],
  ['break', 'break'],
  ['continue', 'continue'],
  ['define', 'define'],
  ['else', 'else'],
  ['end', 'end'],
  ['if', 'if'],
  ['range', 'range'],
  ['template', 'template'],
  ['with', 'with'],
]);

const keywordKinds: ReadonlySet<string> = new Set(['dot', ...keywords.values()]);

export interface Token {
  readonly kind: TokenKind;
  /** The text as written; the message of an error. */
  readonly text: string;
  readonly offset: number;
  readonly line: number;
}

/** A token as Go's messages show it. */
export function describeToken(token: Token): string {
  if (token.kind === 'eof') return 'EOF';
  if (token.kind === 'error') return token.text;
  if (keywordKinds.has(token.kind)) return `<${token.text}>`;
  if (byteLength(token.text) <= 10) return quote(token.text);
  return `${quote([...token.text].slice(0, 10).join(''))}...`;
}
