import { readFileSync } from 'node:fs';
import { diff } from 'node:util';

const context = 3;

/** What a dry run prints for one file: the text as consul-template shows it, or on a terminal what would change. */
export function preview(destination: string | null, text: string, isTerminal: boolean): string {
  const name = destination ?? 'standard output';
  if (!isTerminal || destination === null) return `> ${name}\n${text}`;
  return unifiedDiff(name, readOld(destination), text);
}

function readOld(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** A unified diff with three lines around each change; one line when there is none. */
export function unifiedDiff(name: string, before: string, after: string): string {
  const lines = diff(linesOf(before), linesOf(after));
  if (lines.every(([operation]) => operation === 0)) return `${name}: no change\n`;
  return `--- ${name}\n+++ ${name} (new)\n${hunks(lines).join('')}`;
}

type Line = readonly [operation: number, text: string];

function linesOf(text: string): string[] {
  if (text === '') return [];
  return text.endsWith('\n')
    ? text.slice(0, -1).split('\n')
    : [...text.split('\n').slice(0, -1), `${text.split('\n').at(-1)}\n\\ No newline at end of file`];
}

function hunks(lines: readonly Line[]): string[] {
  const near = lines.map((_, index) =>
    lines.slice(Math.max(0, index - context), index + context + 1).some(([operation]) => operation !== 0),
  );
  const found: string[] = [];
  let [oldLine, newLine] = [1, 1];
  let open: { text: string; from: [number, number]; size: [number, number] } | null = null;
  for (const [index, [operation, text]] of lines.entries()) {
    if (near[index] === true) {
      open ??= { text: '', from: [oldLine, newLine], size: [0, 0] };
      // The diff names what turns its first list into its second: -1 stands only in the second.
      const [inOld, inNew] = [operation >= 0, operation <= 0];
      open.text += `${operation === 0 ? ' ' : inOld ? '-' : '+'}${text}\n`;
      open.size = [open.size[0] + Number(inOld), open.size[1] + Number(inNew)];
    } else if (open !== null) {
      found.push(header(open));
      open = null;
    }
    if (operation >= 0) oldLine += 1;
    if (operation <= 0) newLine += 1;
  }
  if (open !== null) found.push(header(open));
  return found;
}

function header({
  text,
  from,
  size,
}: {
  text: string;
  from: [number, number];
  size: [number, number];
}): string {
  const [oldFrom, newFrom] = from.map((line, index) => (size[index] === 0 ? line - 1 : line));
  return `@@ -${oldFrom},${size[0]} +${newFrom},${size[1]} @@\n${text}`;
}
