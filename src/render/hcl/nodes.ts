/** Where something stands in a file; both count from 1, columns in UTF-16 units as editors do. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A value as it was written. Numbers have been read (octal included), strings unescaped. */
export type HclNode =
  | { readonly kind: 'string'; readonly at: Place; readonly value: string }
  | { readonly kind: 'number'; readonly at: Place; readonly value: number }
  | { readonly kind: 'boolean'; readonly at: Place; readonly value: boolean }
  /** JSON only. */
  | { readonly kind: 'null'; readonly at: Place }
  | { readonly kind: 'list'; readonly at: Place; readonly items: readonly HclNode[] }
  | HclObject;

export interface HclObject {
  readonly kind: 'object';
  readonly at: Place;
  /** In the order of the file; a key may stand there more than once. */
  readonly entries: readonly HclEntry[];
}

export interface HclEntry {
  readonly key: string;
  readonly at: Place;
  readonly value: HclNode;
}

/** The first thing in a file that cannot be read. */
export class HclError extends Error {
  override readonly name = 'HclError';
  readonly at: Place;

  constructor(at: Place, message: string) {
    super(message);
    this.at = at;
  }
}

/** Levels of braces and brackets; consul-template's own configuration needs four. */
export const deepest = 32;
