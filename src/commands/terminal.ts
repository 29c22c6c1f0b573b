import { styleText } from 'node:util';
import { describeProblem, type Problem } from '../config/load.ts';

export type Style = Parameters<typeof styleText>[0];

/** Results go to stdout, everything about them to stderr. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function complain(line: string): void {
  process.stderr.write(`${line}\n`);
}

export function complainAbout(problems: readonly Problem[]): void {
  for (const problem of problems) complain(describeProblem(problem));
}

/** Styled only where stdout is a terminal and NO_COLOR does not forbid it. */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout, validateStream: true });
}

/** Ends quietly when the reader of stdout goes away (`fairlead routes | head`). */
export function tolerateClosedPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

/** Control characters made visible: names and tags come from whoever may register a service. */
export function visible(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`;
  });
}
