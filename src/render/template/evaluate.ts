import { fitted, idealValue, literalFor, nilFor } from './argument-types.ts';
import { builtins } from './builtins.ts';
import { describeNode } from './describe-node.ts';
import { FunctionError, LimitReached, MissingData } from './errors.ts';
import { findField } from './fields.ts';
import type { CallContext, TemplateFunction } from './functions.ts';
import { invoke } from './invoke.ts';
import type { GoType } from './kinds.ts';
import type {
  ChainNode,
  CommandNode,
  FieldNode,
  IdentifierNode,
  Operand,
  PipeNode,
  VariableNode,
} from './nodes.ts';
import { quote } from './quote.ts';
import type { State } from './state.ts';
import { isTrue } from './truth.ts';
import { Func, typeOf, type Value } from './values.ts';

/** The value a pipeline hands to its next command; `nothing` before the first. */
type Final = Value | typeof nothing;
const nothing = Symbol('nothing');

/** Pipelines, commands and operands of one execution. */
export class Evaluator {
  readonly #state: State;
  readonly #context: CallContext;

  /** `render` executes a defined template into a text. */
  constructor(state: State, render: (name: string, data: Value) => string) {
    this.#state = state;
    this.#context = {
      get template() {
        return state.tree.name;
      },
      render,
      invoke: (name, callee, args) => invoke(name, callee, args, this.#context),
      spend: (steps) => state.budget.spend(steps),
      maxStringBytes: state.budget.limits.maxOutputBytes,
    };
  }

  pipeline(pipe: PipeNode | null): Value {
    if (pipe === null) return undefined;
    const state = this.#state;
    state.node = pipe;
    let final: Final = nothing;
    // A nil interface is nothing to the next command.
    for (const command of pipe.commands) final = this.#command(command, final) ?? undefined;
    const value = final as Value;
    for (const name of pipe.variables) {
      if (pipe.isAssign) state.assign(name, value);
      else state.declare(name, value);
    }
    return value;
  }

  #command(command: CommandNode, final: Final): Value {
    const state = this.#state;
    state.budget.spend(1);
    const first = command.operands[0]!;
    switch (first.kind) {
      case 'field':
        return this.#field(first, command.operands, final);
      case 'chain':
        return this.#chain(first, command.operands, final);
      case 'identifier':
        return this.#function(first, command, command.operands, final);
      case 'variable':
        return this.#variable(first, command.operands, final);
      case 'pipe':
        this.#takesNoArguments(command.operands, final);
        return this.pipeline(first);
    }
    state.node = first;
    this.#takesNoArguments(command.operands, final);
    switch (first.kind) {
      case 'dot':
        return state.dot;
      case 'nil':
        return state.fail('nil is not a command');
      default:
        return idealValue(state, first);
    }
  }

  #takesNoArguments(operands: readonly Operand[], final: Final): void {
    if (operands.length <= 1 && final === nothing) return;
    this.#state.fail(`can't give argument to non-function ${this.#source(operands[0]!)}`);
  }

  #source(operand: Operand): string {
    return describeNode(operand, this.#state.template.delimiters);
  }

  #field(node: FieldNode, operands: readonly Operand[], final: Final): Value {
    const state = this.#state;
    state.node = node;
    return this.#path(state.dot, state.dotFromAny, node.path, node, operands, final);
  }

  #variable(node: VariableNode, operands: readonly Operand[], final: Final): Value {
    const state = this.#state;
    state.node = node;
    const { value, fromAny } = state.lookup(node.name);
    if (node.path.length > 0) return this.#path(value, fromAny, node.path, node, operands, final);
    this.#takesNoArguments(operands, final);
    return value;
  }

  #chain(node: ChainNode, operands: readonly Operand[], final: Final): Value {
    const state = this.#state;
    state.node = node;
    if (node.base.kind === 'nil') state.fail(`indirection through explicit nil in ${this.#source(node)}`);
    const base = this.#argument(node.base, null);
    return this.#path(base, false, node.path, node, operands, final);
  }

  /** `.A.B.C`: only the last may be given arguments. */
  #path(
    start: Value,
    startFromAny: boolean,
    path: readonly string[],
    node: Operand,
    operands: readonly Operand[],
    final: Final,
  ): Value {
    let value = start;
    let fromAny = startFromAny;
    const last = path.length - 1;
    for (let at = 0; at <= last; at++) {
      const name = path[at]!;
      const hasArguments = at === last && (operands.length > 1 || final !== nothing);
      const found = findField(this.#state, value, fromAny, name, hasArguments);
      if (found.method === null) {
        value = found.value;
        fromAny = found.fromAny;
      } else {
        value = this.#call(
          found.method,
          name,
          node,
          at === last ? operands : [],
          at === last ? final : nothing,
        );
        fromAny = false;
      }
    }
    return value;
  }

  #function(
    node: IdentifierNode,
    at: CommandNode | Operand,
    operands: readonly Operand[],
    final: Final,
  ): Value {
    const state = this.#state;
    state.node = node;
    const given = state.functions.get(node.name);
    if (given !== undefined) return this.#call(given, node.name, at, operands, final);
    if (node.name === 'and' || node.name === 'or') return this.#shortCircuit(node.name, operands, final);
    if (node.name === 'call') return this.#callValue(at, operands, final);
    const builtin = builtins.get(node.name) ?? state.fail(`${quote(node.name)} is not a defined function`);
    return this.#call(builtin, node.name, at, operands, final);
  }

  #call(
    callee: TemplateFunction,
    name: string,
    at: CommandNode | Operand,
    operands: readonly Operand[],
    final: Final,
  ): Value {
    const args = this.#arguments(callee, name, operands, final);
    return this.#guarded(name, at, () => callee.call(args, this.#context));
  }

  /** Runs a function; what it throws becomes the template's error. */
  #guarded(name: string, at: CommandNode | Operand, run: () => Value): Value {
    const state = this.#state;
    try {
      const value = run();
      const { maxOutputBytes } = state.budget.limits;
      if (typeof value === 'string' && value.length > maxOutputBytes) {
        throw new LimitReached(`string exceeds ${maxOutputBytes} bytes`);
      }
      return value;
    } catch (error) {
      if (error instanceof MissingData || error instanceof LimitReached || isStackOverflow(error))
        throw error;
      state.node = at;
      return state.fail(
        `error calling ${name}: ${error instanceof Error ? error.message : String(error)}`,
        error,
      );
    }
  }

  #arguments(callee: TemplateFunction, name: string, operands: readonly Operand[], final: Final): Value[] {
    const { params, variadic } = callee;
    const given = Math.max(operands.length - 1, 0);
    const total = given + (final === nothing ? 0 : 1);
    if (variadic === null && total !== params.length) {
      this.#state.fail(`wrong number of args for ${name}: want ${params.length} got ${total}`);
    }
    if (variadic !== null && total < params.length) {
      this.#state.fail(`wrong number of args for ${name}: want at least ${params.length} got ${given}`);
    }
    const args: Value[] = [];
    for (let at = 0; at < given; at++) args.push(this.#argument(operands[at + 1]!, params[at] ?? variadic));
    if (final !== nothing) args.push(fitted(this.#state, final, params[given] ?? variadic));
    return args;
  }

  #argument(node: Operand, type: GoType | null): Value {
    const state = this.#state;
    state.node = node;
    switch (node.kind) {
      case 'dot':
        return fitted(state, state.dot, type);
      case 'nil':
        return nilFor(state, type);
      case 'field':
        return fitted(state, this.#field(node, [], nothing), type);
      case 'variable':
        return fitted(state, this.#variable(node, [], nothing), type);
      case 'pipe':
        return fitted(state, this.pipeline(node), type);
      case 'identifier':
        return fitted(state, this.#function(node, node, [], nothing), type);
      case 'chain':
        return fitted(state, this.#chain(node, [], nothing), type);
      default:
        return type === null ? idealValue(state, node) : literalFor(state, node, type);
    }
  }

  /** `and` and `or` evaluate no more arguments than they need. */
  #shortCircuit(name: 'and' | 'or', operands: readonly Operand[], final: Final): Value {
    const given = Math.max(operands.length - 1, 0);
    if (given === 0 && final === nothing) {
      this.#state.fail(`wrong number of args for ${name}: want at least 1 got 0`);
    }
    let value: Value;
    for (const operand of operands.slice(1)) {
      value = operand.kind === 'nil' ? undefined : this.#untyped(operand);
      if (isTrue(value) === (name === 'or')) return value;
    }
    return final === nothing ? value : final;
  }

  #untyped(operand: Operand): Value {
    this.#state.node = operand;
    if (operand.kind === 'bool' || operand.kind === 'string' || operand.kind === 'number') {
      return idealValue(this.#state, operand);
    }
    return this.#argument(operand, null);
  }

  /** The builtin `call`: its first argument is the function. */
  #callValue(at: CommandNode | Operand, operands: readonly Operand[], final: Final): Value {
    const state = this.#state;
    const args: Value[] = operands
      .slice(1)
      .map((operand) => (operand.kind === 'nil' ? undefined : this.#untyped(operand)));
    if (final !== nothing) args.push(final);
    if (args.length === 0) state.fail('wrong number of args for call: want at least 1 got 0');
    const [callee, ...rest] = args;
    const name = operands.length > 1 ? this.#source(operands[1]!) : 'function';
    return this.#guarded('call', at, () => {
      if (callee === undefined || callee === null) throw new FunctionError('call of nil');
      if (callee instanceof Func) return invoke(name, callee, rest, this.#context);
      throw new FunctionError(`non-function ${name} of type ${typeOf(callee)!.name}`);
    });
  }
}

/** The runtime's own limit, met by recursion that no other limit stopped. */
export function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message.includes('call stack');
}
