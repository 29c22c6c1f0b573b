import { describeNode } from './describe-node.ts';
import { LimitReached, positionOf, TemplateError, type TemplatePhase } from './errors.ts';
import type { Functions } from './functions.ts';
import type { Budget } from './limits.ts';
import type { Located, Template, Tree } from './nodes.ts';
import { quote } from './quote.ts';
import type { Value } from './values.ts';

/** What a map gives for a key that it does not have: Go's option `missingkey`. */
export type MissingKey = 'default' | 'zero' | 'error';

interface Variable {
  readonly name: string;
  value: Value;
  /** Taken from a list or map of `interface {}`, which error texts tell. */
  fromAny: boolean;
}

/** One execution: where it is, what it sees, what it has written. */
export class State {
  readonly template: Template;
  readonly functions: Functions;
  readonly missingKey: MissingKey;
  readonly budget: Budget;
  /** The place that an error would name. */
  node: Located | null = null;
  tree: Tree;
  dot: Value;
  /** As in `Variable`. */
  dotFromAny = false;
  depth = 0;
  #variables: Variable[];
  /** Pieces, joined once: a string that grows piece by piece keeps the collector busy. */
  #output: string[] = [];
  #outputBytes = 0;

  constructor(
    template: Template,
    tree: Tree,
    data: Value,
    run: { readonly functions: Functions; readonly missingKey: MissingKey; readonly budget: Budget },
  ) {
    this.template = template;
    this.tree = tree;
    this.functions = run.functions;
    this.missingKey = run.missingKey;
    this.budget = run.budget;
    this.dot = data;
    this.#variables = [{ name: '$', value: data, fromAny: false }];
  }

  get output(): string {
    return this.#output.join('');
  }

  write(text: string, bytes: number): void {
    const { maxOutputBytes } = this.budget.limits;
    this.#outputBytes += bytes;
    if (this.#outputBytes > maxOutputBytes) throw new LimitReached(`output exceeds ${maxOutputBytes} bytes`);
    this.#output.push(text);
  }

  /** Where to cut the variables again when a block ends. */
  mark(): number {
    return this.#variables.length;
  }

  cut(mark: number): void {
    this.#variables.length = mark;
  }

  declare(name: string, value: Value): void {
    this.#variables.push({ name, value, fromAny: false });
  }

  assign(name: string, value: Value, fromAny = false): void {
    const variable = this.lookup(name);
    variable.value = value;
    variable.fromAny = fromAny;
  }

  /** Sets the variable declared last, or the one `back` before it. */
  setRecent(back: number, value: Value, fromAny = false): void {
    const variable = this.#variables.at(-1 - back)!;
    variable.value = value;
    variable.fromAny = fromAny;
  }

  lookup(name: string): Variable {
    for (let at = this.#variables.length - 1; at >= 0; at--) {
      const variable = this.#variables[at]!;
      if (variable.name === name) return variable;
    }
    return this.fail(`undefined variable: ${name}`);
  }

  /** Runs a defined template's body with a `.`, `$` and variables of its own. */
  within(tree: Tree, data: Value, body: () => void): void {
    const { node, tree: outer, dot, dotFromAny } = this;
    const variables = this.#variables;
    this.tree = tree;
    this.dot = data;
    this.dotFromAny = false;
    this.#variables = [{ name: '$', value: data, fromAny: false }];
    this.depth++;
    body();
    this.depth--;
    this.#variables = variables;
    this.dotFromAny = dotFromAny;
    this.dot = dot;
    this.tree = outer;
    this.node = node;
  }

  /** What `body` writes, which then is not part of the output. */
  captured(body: () => void): string {
    const [output, bytes] = [this.#output, this.#outputBytes];
    this.#output = [];
    body();
    const text = this.#output.join('');
    this.#output = output;
    this.#outputBytes = bytes;
    return text;
  }

  fail(reason: string, cause?: unknown, phase: TemplatePhase = 'execute'): never {
    const { template, tree, node } = this;
    if (node === null) {
      const at = { phase, template: tree.name, line: 1, column: 0 };
      throw new TemplateError(at, `template: ${tree.name}: ${reason}`, reason, cause);
    }
    const { line, column } = positionOf(template.text, node.offset);
    const context = describeNode(node, template.delimiters);
    const place = `${template.name}:${line}:${column}: executing ${quote(tree.name)} at <${context}>`;
    throw new TemplateError(
      { phase, template: tree.name, line, column },
      `template: ${place}: ${reason}`,
      reason,
      cause,
    );
  }
}
