/** The tree of a template. `offset` is the place in its text that errors name. */

export type Node = TextNode | ActionNode | BranchNode | TemplateNode | JumpNode;

export interface TextNode {
  readonly kind: 'text';
  readonly text: string;
  readonly bytes: number;
}

export interface ActionNode {
  readonly kind: 'action';
  readonly offset: number;
  readonly pipe: PipeNode;
}

export interface BranchNode {
  readonly kind: 'if' | 'with' | 'range';
  readonly offset: number;
  readonly pipe: PipeNode;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[] | null;
}

export interface TemplateNode {
  readonly kind: 'template';
  readonly offset: number;
  readonly name: string;
  readonly pipe: PipeNode | null;
}

export interface JumpNode {
  readonly kind: 'break' | 'continue';
  readonly offset: number;
}

export interface PipeNode {
  readonly kind: 'pipe';
  readonly offset: number;
  /** `=` rather than `:=`. */
  readonly isAssign: boolean;
  readonly variables: readonly string[];
  readonly commands: readonly CommandNode[];
}

export interface CommandNode {
  readonly kind: 'command';
  readonly offset: number;
  readonly operands: readonly Operand[];
}

export type Operand =
  | { readonly kind: 'dot'; readonly offset: number }
  | { readonly kind: 'nil'; readonly offset: number }
  | { readonly kind: 'bool'; readonly offset: number; readonly value: boolean }
  | { readonly kind: 'string'; readonly offset: number; readonly source: string; readonly text: string }
  | NumberNode
  | IdentifierNode
  | FieldNode
  | VariableNode
  | ChainNode
  | PipeNode;

/** A number may stand for several kinds: 1 for an int, a uint or a float, `1e3` for an int too. */
export interface NumberNode {
  readonly kind: 'number';
  readonly offset: number;
  readonly source: string;
  readonly int: bigint | null;
  readonly uint: bigint | null;
  readonly float: number | null;
}

export interface IdentifierNode {
  readonly kind: 'identifier';
  readonly offset: number;
  readonly name: string;
}

/** `.A.B` */
export interface FieldNode {
  readonly kind: 'field';
  readonly offset: number;
  readonly path: readonly string[];
}

/** `$x.A.B` */
export interface VariableNode {
  readonly kind: 'variable';
  readonly offset: number;
  readonly name: string;
  readonly path: readonly string[];
}

/** `(…).A.B` */
export interface ChainNode {
  readonly kind: 'chain';
  readonly offset: number;
  readonly base: Operand;
  readonly path: readonly string[];
}

/** What an error can point at. */
export type Located = ActionNode | BranchNode | TemplateNode | JumpNode | CommandNode | Operand;

/** One body of a template: the file's, or a `define`'s. */
export interface Tree {
  readonly name: string;
  readonly nodes: readonly Node[];
}

/** A parsed template, to be executed any number of times. */
export interface Template {
  readonly name: string;
  readonly text: string;
  readonly delimiters: { readonly left: string; readonly right: string };
  readonly trees: ReadonlyMap<string, Tree>;
}
