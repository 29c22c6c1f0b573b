import { explainRead } from './files.ts';
import type { Layer } from './layer.ts';
import { isIntact, originOf } from './merge.ts';
import type { Findings } from './problem.ts';
import { parseSecret } from './values.ts';

/** What the rules between keys need to know about where the values came from. */
export interface Sources {
  /** Lowest first, without the defaults. */
  readonly layers: readonly Layer[];
  readonly read: (path: string) => string;
  readonly findings: Findings;
}

export function problem(sources: Sources, at: string | null, message: string): void {
  sources.findings.problems.push({ at, message });
}

export function warn(sources: Sources, at: string | null, message: string): void {
  sources.findings.warnings.push(at === null ? message : `${at}: ${message}`);
}

export function origin(sources: Sources, key: string): string | null {
  return originOf(sources.layers, key);
}

export function intact(sources: Sources, key: string): boolean {
  return isIntact(sources.layers, key);
}

/** Reports a file that cannot be read; its text otherwise. */
export function readNamed(
  sources: Sources,
  key: string,
  path: string,
  at: string | null = origin(sources, key),
): string | null {
  try {
    return sources.read(path);
  } catch (error) {
    problem(sources, at, `${key}: cannot read ${path}: ${explainRead(error)}`);
    return null;
  }
}

/**
 * The first of a token file's content and the token itself that is there. An empty file is `empty`'s to
 * judge.
 */
export function readToken(
  sources: Sources,
  section: 'consul' | 'admin',
  given: { readonly token: string | null; readonly tokenFile: string | null },
): { readonly token: string | null; readonly empty: boolean } {
  if (given.tokenFile === null) return { token: given.token, empty: false };
  const key = `${section}.tokenFile`;
  const content = readNamed(sources, key, given.tokenFile);
  if (content === null) return { token: null, empty: false };
  if (content.trim() === '') return { token: given.token, empty: true };
  const parsed = parseSecret(content);
  if (parsed.ok) return { token: parsed.value, empty: false };
  problem(sources, origin(sources, key), `${key}: the content of ${given.tokenFile} ${parsed.reason}`);
  return { token: null, empty: false };
}
