import type { CommandNode, Operand, PipeNode } from './nodes.ts';
import { complexRefused, parseNumber, parseRune } from './number-literal.ts';
import { quote, unquote } from './quote.ts';
import type { Scope, TokenStream } from './token-stream.ts';
import type { Token, TokenKind } from './tokens.ts';

/** Parentheses within parentheses; Go allows 10 000, on a stack that grows. */
const MAX_DEPTH = 200;

const operandKinds: ReadonlySet<TokenKind> = new Set([
  'bool',
  'charConstant',
  'complex',
  'dot',
  'field',
  'identifier',
  'number',
  'nil',
  'rawString',
  'string',
  'variable',
  'leftParen',
]);

/** `$a, $b := command | command`, up to the end that is expected, which is consumed. */
export function parsePipeline(
  tokens: TokenStream,
  scope: Scope,
  context: string,
  end: 'rightDelim' | 'rightParen',
  depth = 0,
): PipeNode {
  const { offset } = tokens.peekNonSpace();
  const { variables, isAssign } = parseDeclarations(tokens, scope, context);
  const commands: CommandNode[] = [];
  for (;;) {
    const token = tokens.nextNonSpace();
    if (token.kind === end) break;
    if (!operandKinds.has(token.kind)) tokens.unexpected(token, context, scope);
    tokens.back(token);
    commands.push(parseCommand(tokens, scope, depth));
  }
  checkCommands(tokens, commands, context);
  return { kind: 'pipe', offset, isAssign, variables, commands };
}

function parseDeclarations(
  tokens: TokenStream,
  scope: Scope,
  context: string,
): { readonly variables: string[]; readonly isAssign: boolean } {
  const variables: string[] = [];
  for (;;) {
    const variable = tokens.peekNonSpace();
    if (variable.kind !== 'variable') return { variables, isAssign: false };
    tokens.next();
    const adjacent = tokens.peek();
    const next = tokens.peekNonSpace();
    const isList = next.kind === 'char' && next.text === ',';
    if (next.kind !== 'assign' && next.kind !== 'declare' && !isList) {
      giveBack(tokens, variable, adjacent);
      return { variables, isAssign: false };
    }
    tokens.nextNonSpace();
    variables.push(variable.text);
    scope.variables.push(variable.text);
    if (!isList) return { variables, isAssign: next.kind === 'assign' };
    if (context !== 'range' || variables.length >= 2) tokens.fail(`too many declarations in ${context}`);
    const following = tokens.peekNonSpace().kind;
    if (following !== 'variable' && following !== 'rightDelim' && following !== 'rightParen') {
      tokens.fail('range can only initialize variables');
    }
  }
}

/** The variable was an operand; the space after it matters to what follows. */
function giveBack(tokens: TokenStream, variable: Token, adjacent: Token): void {
  if (adjacent.kind === 'space') tokens.back(variable, adjacent);
  else tokens.back(variable);
}

const literals: ReadonlySet<Operand['kind']> = new Set(['bool', 'dot', 'nil', 'number', 'string']);

function checkCommands(tokens: TokenStream, commands: readonly CommandNode[], context: string): void {
  if (commands.length === 0) tokens.fail(`missing value for ${context}`);
  for (const [index, command] of commands.entries()) {
    if (index > 0 && literals.has(command.operands[0]!.kind)) {
      tokens.fail(`non executable command in pipeline stage ${index + 1}`);
    }
  }
}

function parseCommand(tokens: TokenStream, scope: Scope, depth: number): CommandNode {
  const { offset } = tokens.peekNonSpace();
  const operands: Operand[] = [];
  for (;;) {
    tokens.peekNonSpace();
    const operand = parseOperand(tokens, scope, depth);
    if (operand !== null) operands.push(operand);
    const token = tokens.next();
    if (token.kind === 'space') continue;
    if (token.kind === 'rightDelim' || token.kind === 'rightParen') tokens.back(token);
    else if (token.kind !== 'pipe') tokens.unexpected(token, 'operand', scope);
    break;
  }
  if (operands.length === 0) tokens.fail('empty command');
  return { kind: 'command', offset, operands };
}

/** A term and the fields taken from it. */
function parseOperand(tokens: TokenStream, scope: Scope, depth: number): Operand | null {
  const term = parseTerm(tokens, scope, depth);
  if (term === null || tokens.peek().kind !== 'field') return term;
  const { offset } = tokens.peek();
  const path: string[] = [];
  while (tokens.peek().kind === 'field') path.push(tokens.next().text.slice(1));
  switch (term.kind) {
    case 'field':
    case 'variable':
      return { ...term, offset, path: [...term.path, ...path] };
    case 'bool':
    case 'string':
    case 'number':
    case 'nil':
    case 'dot':
      return tokens.fail(`unexpected . after term ${quote(sourceOf(term))}`);
    default:
      return { kind: 'chain', offset, base: term, path };
  }
}

function sourceOf(term: Operand): string {
  if (term.kind === 'string' || term.kind === 'number') return term.source;
  if (term.kind === 'bool') return String(term.value);
  return term.kind === 'nil' ? 'nil' : '.';
}

function parseTerm(tokens: TokenStream, scope: Scope, depth: number): Operand | null {
  const token = tokens.nextNonSpace();
  const { offset, text } = token;
  switch (token.kind) {
    case 'identifier':
      if (!tokens.functions.has(text)) tokens.fail(`function ${quote(text)} not defined`);
      return { kind: 'identifier', offset, name: text };
    case 'dot':
    case 'nil':
      return { kind: token.kind, offset };
    case 'variable':
      if (!scope.variables.includes(text)) tokens.fail(`undefined variable ${quote(text)}`);
      return { kind: 'variable', offset, name: text, path: [] };
    case 'field':
      return { kind: 'field', offset, path: [text.slice(1)] };
    case 'bool':
      return { kind: 'bool', offset, value: text === 'true' };
    case 'charConstant':
    case 'complex':
    case 'number':
      return parseNumberTerm(tokens, token);
    case 'leftParen':
      if (depth >= MAX_DEPTH) tokens.fail('max expression depth exceeded');
      return parsePipeline(tokens, scope, 'parenthesized pipeline', 'rightParen', depth + 1);
    case 'string':
    case 'rawString':
      return { kind: 'string', offset, source: text, text: parseString(tokens, token) };
    default:
      tokens.back(token);
      return null;
  }
}

function parseNumberTerm(tokens: TokenStream, token: Token): Operand {
  if (token.kind === 'complex') tokens.fail(complexRefused(token.text));
  const value = token.kind === 'charConstant' ? parseRune(token.text) : parseNumber(token.text);
  if (typeof value === 'string') tokens.fail(value);
  return { kind: 'number', offset: token.offset, source: token.text, ...value };
}

function parseString(tokens: TokenStream, token: Token): string {
  return unquote(token.text) ?? tokens.fail('invalid syntax');
}

/** The name in `define`, `template` and `block`. */
export function parseName(
  tokens: TokenStream,
  scope: Scope,
  context: string,
): Token & { readonly name: string } {
  const token = tokens.nextNonSpace();
  if (token.kind !== 'string' && token.kind !== 'rawString') tokens.unexpected(token, context, scope);
  return { ...token, name: parseString(tokens, token) };
}
