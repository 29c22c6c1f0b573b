import { byteLength } from './bytes.ts';

/** Where a template went wrong: when it was read, when it ran, or in a bound that it hit. */
export type TemplatePhase = 'parse' | 'execute' | 'limit';

/** A template's failure; `message` is Go's text, to the letter where Go has one. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  readonly phase: TemplatePhase;
  /** The template that was executing; one of a `define` differs from the file's. */
  readonly template: string;
  /** From 1. */
  readonly line: number;
  /** Bytes before the place on its line; null for errors of parsing, which Go gives by line alone. */
  readonly column: number | null;
  /** The message without the position. */
  readonly reason: string;

  constructor(at: ErrorPlace, text: string, reason: string, cause?: unknown) {
    super(text, cause === undefined ? undefined : { cause });
    this.phase = at.phase;
    this.template = at.template;
    this.line = at.line;
    this.column = at.column;
    this.reason = reason;
  }
}

export interface ErrorPlace {
  readonly phase: TemplatePhase;
  readonly template: string;
  readonly line: number;
  readonly column: number | null;
}

/** Thrown by a function: the template reports `error calling NAME: MESSAGE`. */
export class FunctionError extends Error {
  override readonly name = 'FunctionError';
}

/** Thrown by a function whose data is not there yet. Leaves the run as it is: no fault of the template. */
export class MissingData extends Error {
  override readonly name = 'MissingData';
  /** What is awaited, as its function names it. */
  readonly dependency: string;

  constructor(dependency: string) {
    super(`no data yet for ${dependency}`);
    this.dependency = dependency;
  }
}

/** Thrown inside a run that used up one of its bounds; reported as a TemplateError of phase `limit`. */
export class LimitReached extends Error {
  override readonly name = 'LimitReached';
}

/** Line from 1, and the bytes before the place on its line. */
export function positionOf(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset);
  const start = before.lastIndexOf('\n') + 1;
  let line = 1;
  for (let at = before.indexOf('\n'); at >= 0; at = before.indexOf('\n', at + 1)) line++;
  return { line, column: byteLength(before.slice(start)) };
}
