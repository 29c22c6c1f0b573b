import { byteLength, canonical } from './bytes.ts';
import { describeNode } from './describe-node.ts';
import { LimitReached } from './errors.ts';
import { Evaluator, isStackOverflow } from './evaluate.ts';
import { sprint } from './format.ts';
import type { Functions } from './functions.ts';
import { sortedKeys } from './keys.ts';
import { isSigned, isUnsigned } from './kinds.ts';
import { Budget, defaultLimits, type Limits } from './limits.ts';
import type { ActionNode, BranchNode, Node, Template, TemplateNode } from './nodes.ts';
import { quote } from './quote.ts';
import { type MissingKey, State } from './state.ts';
import { indirect, isPrintable, isTrue } from './truth.ts';
import { Chan, Dict, Int, int, keyValue, List, typeOf, type Value } from './values.ts';

export interface ExecuteOptions {
  /** What `.` and `$` are; absent for consul-template's files. */
  readonly data?: Value;
  /** Beside the builtin ones, which they may replace. */
  readonly functions?: Functions;
  readonly missingKey?: MissingKey;
  readonly limits?: Partial<Limits>;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

/**
 * Executes a template and gives its output. Throws TemplateError; and MissingData as it comes from a function. The
 * output is text that may hold bytes beside UTF-8: `toBytes` gives what is to be written.
 */
export function executeTemplate(template: Template, options: ExecuteOptions): string {
  const { data, functions = new Map(), missingKey = 'default', limits, now } = options;
  const budget = new Budget({ ...defaultLimits, ...limits }, now);
  const tree = template.trees.get(template.name)!;
  const state = new State(template, tree, data, { functions, missingKey, budget });
  try {
    new Walker(state).nodes(tree.nodes);
  } catch (error) {
    if (error instanceof LimitReached) return state.fail(error.message, error, 'limit');
    if (isStackOverflow(error)) return state.fail('nested too deeply', error, 'limit');
    throw error;
  }
  return canonical(state.output);
}

/** How a list of nodes ended. */
type Ending = 'normal' | 'break' | 'continue';

/** Walks the tree and writes the output. */
class Walker {
  readonly #state: State;
  readonly #evaluator: Evaluator;

  constructor(state: State) {
    this.#state = state;
    this.#evaluator = new Evaluator(state, (name, data) => this.#rendered(name, data));
  }

  nodes(nodes: readonly Node[]): Ending {
    for (const node of nodes) {
      if (node.kind === 'text') this.#state.write(node.text, node.bytes);
      else {
        const ending = this.#node(node);
        if (ending !== 'normal') return ending;
      }
    }
    return 'normal';
  }

  #node(node: Exclude<Node, { kind: 'text' }>): Ending {
    const state = this.#state;
    state.budget.spend(1);
    state.node = node;
    switch (node.kind) {
      case 'action':
        this.#action(node);
        return 'normal';
      case 'range':
        return this.#range(node);
      case 'template':
        this.#template(node);
        return 'normal';
      case 'break':
      case 'continue':
        return node.kind;
      default:
        return this.#ifOrWith(node);
    }
  }

  #action(node: ActionNode): void {
    const value = this.#evaluator.pipeline(node.pipe);
    if (node.pipe.variables.length === 0) this.#print(node, value);
  }

  #print(node: ActionNode, value: Value): void {
    const state = this.#state;
    state.node = node;
    if (typeof value === 'string') return state.write(value, byteLength(value));
    if (value instanceof Int && value.type.text === null) {
      const digits = value.n.toString();
      return state.write(digits, digits.length);
    }
    const shown = indirect(value);
    if (!isPrintable(shown)) {
      state.fail(
        `can't print ${describeNode(node, state.template.delimiters)} of type ${typeOf(value)!.name}`,
      );
    }
    const text = shown === undefined ? '<no value>' : sprint([shown], state.budget.limits.maxOutputBytes);
    state.write(text, byteLength(text));
  }

  #ifOrWith(node: BranchNode): Ending {
    const state = this.#state;
    const mark = state.mark();
    const value = this.#evaluator.pipeline(node.pipe);
    let ending: Ending = 'normal';
    if (isTrue(value)) {
      ending = node.kind === 'with' ? this.#withDot(value, false, node.body) : this.nodes(node.body);
    } else if (node.otherwise !== null) ending = this.nodes(node.otherwise);
    state.cut(mark);
    return ending;
  }

  #withDot(dot: Value, fromAny: boolean, nodes: readonly Node[]): Ending {
    const state = this.#state;
    const { dot: outer, dotFromAny } = state;
    state.dot = dot;
    state.dotFromAny = fromAny;
    const ending = this.nodes(nodes);
    state.dot = outer;
    state.dotFromAny = dotFromAny;
    return ending;
  }

  #range(node: BranchNode): Ending {
    const state = this.#state;
    const mark = state.mark();
    const value = indirect(this.#evaluator.pipeline(node.pipe));
    const fromAny = (value instanceof List || value instanceof Dict) && value.type.elem!.kind === 'interface';
    const inner = state.mark();
    let empty = true;
    for (const [index, element] of this.#iterated(value, node)) {
      empty = false;
      state.budget.spend(1);
      this.#setRangeVariables(node, index, element, fromAny);
      const ending = this.#withDot(element, fromAny, node.body);
      state.cut(inner);
      if (ending === 'break') break;
    }
    const ending = empty && node.otherwise !== null ? this.nodes(node.otherwise) : 'normal';
    state.cut(mark);
    return ending;
  }

  /** With one variable it is the element; with two, the index comes first. */
  #setRangeVariables(node: BranchNode, index: Value, element: Value, fromAny: boolean): void {
    const state = this.#state;
    const { variables, isAssign } = node.pipe;
    const [first, second] = variables;
    if (first === undefined) return;
    if (!isAssign) {
      state.setRecent(0, element, fromAny);
      if (second !== undefined) state.setRecent(1, index);
    } else if (second === undefined) state.assign(first, element, fromAny);
    else {
      state.assign(first, index);
      state.assign(second, element, fromAny);
    }
  }

  #iterated(value: Value, node: BranchNode): Iterable<readonly [Value, Value]> {
    if (value === undefined || value === null) return [];
    if (value instanceof List) return listItems(value, node.pipe.variables.length > 1);
    if (value instanceof Dict) return mapItems(value);
    if (value instanceof Chan) return channelItems(value);
    if (value instanceof Int && (isSigned(value.type.kind) || isUnsigned(value.type.kind))) {
      if (node.pipe.variables.length > 1) {
        this.#state.fail(`can't use ${value.n} to iterate over more than one variable`);
      }
      return countUp(value);
    }
    return this.#state.fail(`range can't iterate over ${sprint([value], MAX_SHOWN)}`);
  }

  #template(node: TemplateNode): void {
    const state = this.#state;
    const tree =
      state.template.trees.get(node.name) ?? state.fail(`template ${quote(node.name)} not defined`);
    this.#checkDepth();
    const data = this.#evaluator.pipeline(node.pipe);
    state.within(tree, data, () => this.nodes(tree.nodes));
  }

  #checkDepth(): void {
    const { maxDepth } = this.#state.budget.limits;
    if (this.#state.depth >= maxDepth)
      throw new LimitReached(`exceeded maximum template depth (${maxDepth})`);
  }

  /** A defined template's text, for functions. */
  #rendered(name: string, data: Value): string {
    const state = this.#state;
    const tree = state.template.trees.get(name);
    if (tree === undefined) {
      throw new Error(
        `template: no template ${quote(name)} associated with template ${quote(state.template.name)}`,
      );
    }
    this.#checkDepth();
    return state.captured(() => state.within(tree, data, () => this.nodes(tree.nodes)));
  }
}

const MAX_SHOWN = 10_000;

function* listItems(list: List, counted: boolean): Iterable<readonly [Value, Value]> {
  let index = 0;
  for (const item of list.items) yield [counted ? int(index++) : undefined, item];
}

function* mapItems(map: Dict): Iterable<readonly [Value, Value]> {
  for (const key of sortedKeys(map)) yield [keyValue(map.type.key!, key), map.entries.get(key)];
}

function* channelItems(channel: Chan): Iterable<readonly [Value, Value]> {
  for (let index = 0; ; index++) {
    const { done, value } = channel.source.next();
    if (done === true) return;
    yield [int(index), value];
  }
}

function* countUp(limit: Int): Iterable<readonly [Value, Value]> {
  for (let n = 0n; n < limit.n; n++) yield [undefined, new Int(limit.type, n)];
}
