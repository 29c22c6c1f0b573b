import type { CommandNode, Located, Node, Operand, PipeNode, Template } from './nodes.ts';
import { quote } from './quote.ts';

type Delimiters = Template['delimiters'];

/** A node written out again, the way Go's errors name what they are about. */
export function describeNode(node: Located, delimiters: Delimiters): string {
  const inAction = (text: string): string => delimiters.left + text + delimiters.right;
  switch (node.kind) {
    case 'action':
      return inAction(describePipe(node.pipe, delimiters));
    case 'template':
      return inAction(
        `template ${quote(node.name)}${node.pipe === null ? '' : ` ${describePipe(node.pipe, delimiters)}`}`,
      );
    case 'break':
    case 'continue':
      return inAction(node.kind);
    case 'if':
    case 'with':
    case 'range': {
      const body = describeList(node.body, delimiters);
      const otherwise =
        node.otherwise === null ? '' : inAction('else') + describeList(node.otherwise, delimiters);
      return `${inAction(`${node.kind} ${describePipe(node.pipe, delimiters)}`)}${body}${otherwise}${inAction('end')}`;
    }
    case 'command':
      return describeCommand(node, delimiters);
    default:
      return describeOperand(node, delimiters);
  }
}

function describeList(nodes: readonly Node[], delimiters: Delimiters): string {
  return nodes.map((node) => (node.kind === 'text' ? node.text : describeNode(node, delimiters))).join('');
}

function describePipe(pipe: PipeNode, delimiters: Delimiters): string {
  const declared =
    pipe.variables.length === 0 ? '' : `${pipe.variables.join(', ')} ${pipe.isAssign ? '=' : ':='} `;
  return declared + pipe.commands.map((command) => describeCommand(command, delimiters)).join(' | ');
}

function describeCommand(command: CommandNode, delimiters: Delimiters): string {
  return command.operands.map((operand) => bracketed(operand, delimiters)).join(' ');
}

function bracketed(operand: Operand, delimiters: Delimiters): string {
  const text = describeOperand(operand, delimiters);
  return operand.kind === 'pipe' ? `(${text})` : text;
}

function describeOperand(operand: Operand, delimiters: Delimiters): string {
  switch (operand.kind) {
    case 'dot':
      return '.';
    case 'nil':
      return 'nil';
    case 'bool':
      return String(operand.value);
    case 'string':
    case 'number':
      return operand.source;
    case 'identifier':
      return operand.name;
    case 'field':
      return `.${operand.path.join('.')}`;
    case 'variable':
      return [operand.name, ...operand.path].join('.');
    case 'chain':
      return `${bracketed(operand.base, delimiters)}.${operand.path.join('.')}`;
    case 'pipe':
      return describePipe(operand, delimiters);
  }
}
