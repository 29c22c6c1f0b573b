import { builtinNames } from './builtin-names.ts';
import { byteLength } from './bytes.ts';
import { TemplateError } from './errors.ts';
import { type Delimiters, Lexer } from './lexer.ts';
import type { BranchNode, Node, Template, Tree } from './nodes.ts';
import { parseName, parsePipeline } from './parse-pipeline.ts';
import { quote } from './quote.ts';
import { newScope, type Scope, TokenStream } from './token-stream.ts';
import type { Token } from './tokens.ts';

export interface ParseOptions {
  /** As errors give it; consul-template's is the path of the source. */
  readonly name?: string;
  readonly leftDelimiter?: string;
  readonly rightDelimiter?: string;
  /** Functions beside the builtin ones: an unknown name is an error here already. */
  readonly functions?: { has(name: string): boolean };
  readonly maxBytes?: number;
}

/** Blocks within blocks; each costs the parser and the run a few frames of the stack. */
const MAX_NESTING = 200;
const MAX_TEMPLATE_BYTES = 4 * 1024 * 1024;

/** Reads a template once, for any number of executions. Throws TemplateError of phase `parse`. */
export function parseTemplate(text: string, options: ParseOptions = {}): Template {
  const { name = '', functions, maxBytes = MAX_TEMPLATE_BYTES } = options;
  const delimiters = { left: options.leftDelimiter || '{{', right: options.rightDelimiter || '}}' };
  if (byteLength(text) > maxBytes) throw tooLarge(name, maxBytes);
  const known = { has: (word: string) => builtinNames.has(word) || functions?.has(word) === true };
  const trees = new Map<string, Tree>();
  const tokens = new TokenStream(name, new Lexer(text, delimiters, known), known);
  new Parser(tokens, trees, delimiters).file(name);
  return { name, text, delimiters, trees };
}

function tooLarge(name: string, maxBytes: number): TemplateError {
  const reason = `template larger than ${maxBytes} bytes`;
  const at = { phase: 'limit', template: name, line: 1, column: null } as const;
  return new TemplateError(at, `template: ${name}:1: ${reason}`, reason);
}

/** What ended a list of nodes. */
type End = { readonly kind: 'end' | 'else'; readonly text: string };

class Parser {
  readonly #tokens: TokenStream;
  readonly #trees: Map<string, Tree>;
  readonly #delimiters: Delimiters;
  #nesting = 0;

  constructor(tokens: TokenStream, trees: Map<string, Tree>, delimiters: Delimiters) {
    this.#tokens = tokens;
    this.#trees = trees;
    this.#delimiters = delimiters;
  }

  file(name: string): void {
    const scope = newScope();
    const nodes: Node[] = [];
    while (this.#tokens.peek().kind !== 'eof') {
      if (this.#tokens.peek().kind === 'leftDelim' && this.#define()) continue;
      const node = this.#textOrAction(scope);
      if (isEnd(node)) this.#tokens.fail(`unexpected ${node.text}`);
      nodes.push(node);
    }
    this.#add({ name, nodes });
  }

  /** A definition, which only the top level may have; false leaves the tokens as they were. */
  #define(): boolean {
    const delimiter = this.#tokens.next();
    const token = this.#tokens.nextNonSpace();
    if (token.kind !== 'define') {
      this.#tokens.back(delimiter, token);
      return false;
    }
    const context = 'define clause';
    const scope = newScope();
    const { name } = parseName(this.#tokens, scope, context);
    this.#tokens.expect('rightDelim', context, scope);
    this.#body(name, scope, context);
    return true;
  }

  /** The body of a `define` or `block`, up to its end. */
  #body(name: string, scope: Scope, context: string): void {
    const { nodes, end } = this.#list(scope);
    if (end.kind !== 'end') this.#tokens.fail(`unexpected ${end.text} in ${context}`);
    this.#add({ name, nodes });
  }

  /** A body of nothing but space never replaces another, nor minds being replaced. */
  #add(tree: Tree): void {
    const known = this.#trees.get(tree.name);
    if (known === undefined || isEmpty(known)) this.#trees.set(tree.name, tree);
    else if (!isEmpty(tree))
      this.#tokens.fail(`template: multiple definition of template ${quote(tree.name)}`);
  }

  #list(scope: Scope): { readonly nodes: Node[]; readonly end: End } {
    if (++this.#nesting > MAX_NESTING) this.#tokens.fail(`blocks nested deeper than ${MAX_NESTING}`);
    const nodes: Node[] = [];
    while (this.#tokens.peekNonSpace().kind !== 'eof') {
      const node = this.#textOrAction(scope);
      if (isEnd(node)) {
        this.#nesting--;
        return { nodes, end: node };
      }
      nodes.push(node);
    }
    return this.#tokens.fail('unexpected EOF');
  }

  #textOrAction(scope: Scope): Node | End {
    const token = this.#tokens.nextNonSpace();
    if (token.kind === 'text') return { kind: 'text', text: token.text, bytes: byteLength(token.text) };
    if (token.kind !== 'leftDelim') this.#tokens.unexpected(token, 'input', scope);
    scope.actionLine = token.line;
    const node = this.#action(scope);
    scope.actionLine = 0;
    return node;
  }

  #action(scope: Scope): Node | End {
    const token = this.#tokens.nextNonSpace();
    switch (token.kind) {
      case 'block':
        return this.#block(scope);
      case 'break':
      case 'continue':
        return this.#jump(token.kind, token.offset, scope);
      case 'else':
        return this.#else(scope);
      case 'end':
        this.#tokens.expect('rightDelim', 'end', scope);
        return this.#ending('end');
      case 'if':
      case 'range':
      case 'with':
        return this.#branch(token.kind, scope);
      case 'template':
        return this.#template(scope);
      default:
        this.#tokens.back(token);
        return {
          kind: 'action',
          offset: token.offset,
          pipe: parsePipeline(this.#tokens, scope, 'command', 'rightDelim'),
        };
    }
  }

  #ending(kind: 'end' | 'else'): End {
    return { kind, text: this.#delimiters.left + kind + this.#delimiters.right };
  }

  #jump(kind: 'break' | 'continue', offset: number, scope: Scope): Node {
    const written = `{{${kind}}}`;
    this.#tokens.expect('rightDelim', written, scope);
    if (scope.ranges === 0) this.#tokens.fail(`${written} outside {{range}}`);
    return { kind, offset };
  }

  #branch(kind: 'if' | 'range' | 'with', scope: Scope): BranchNode {
    const visible = scope.variables.length;
    const pipe = parsePipeline(this.#tokens, scope, kind, 'rightDelim');
    if (kind === 'range') scope.ranges++;
    const { nodes, end } = this.#list(scope);
    if (kind === 'range') scope.ranges--;
    const otherwise = end.kind === 'else' ? this.#otherwise(kind, scope) : null;
    scope.variables.length = visible;
    return { kind, offset: pipe.offset, pipe, body: nodes, otherwise };
  }

  /** `else`, up to the end; `else if` and `else with` share the end of what they continue. */
  #otherwise(kind: 'if' | 'range' | 'with', scope: Scope): Node[] {
    const next = this.#tokens.peek();
    if (kind !== 'range' && next.kind === kind) {
      this.#tokens.next();
      if (++this.#nesting > MAX_NESTING) this.#tokens.fail(`blocks nested deeper than ${MAX_NESTING}`);
      const node = this.#branch(kind, scope);
      this.#nesting--;
      return [node];
    }
    const { nodes, end } = this.#list(scope);
    if (end.kind !== 'end') this.#tokens.fail(`expected end; found ${end.text}`);
    return nodes;
  }

  #else(scope: Scope): End {
    const { kind } = this.#tokens.peekNonSpace();
    if (kind !== 'if' && kind !== 'with') this.#tokens.expect('rightDelim', 'else', scope);
    return this.#ending('else');
  }

  #template(scope: Scope): Node {
    const name = parseName(this.#tokens, scope, 'template clause');
    const next: Token = this.#tokens.nextNonSpace();
    if (next.kind === 'rightDelim')
      return { kind: 'template', offset: name.offset, name: name.name, pipe: null };
    this.#tokens.back(next);
    const pipe = parsePipeline(this.#tokens, scope, 'template clause', 'rightDelim');
    return { kind: 'template', offset: name.offset, name: name.name, pipe };
  }

  #block(scope: Scope): Node {
    const context = 'block clause';
    const name = parseName(this.#tokens, scope, context);
    const pipe = parsePipeline(this.#tokens, scope, context, 'rightDelim');
    this.#body(name.name, newScope(), context);
    return { kind: 'template', offset: name.offset, name: name.name, pipe };
  }
}

function isEnd(node: Node | End): node is End {
  return node.kind === 'end' || node.kind === 'else';
}

function isEmpty(tree: Tree): boolean {
  return tree.nodes.every((node) => node.kind === 'text' && node.text.trim() === '');
}
