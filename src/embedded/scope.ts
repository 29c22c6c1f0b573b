/** Paths a fault or a count applies to: a prefix, a pattern, or a predicate. Queries take no part. */
export type PathScope = string | RegExp | ((path: string) => boolean);

/** Whether the path belongs to the scope; no scope means every path. */
export function within(scope: PathScope | undefined, path: string): boolean {
  if (scope === undefined) return true;
  if (typeof scope === 'string') return path.startsWith(scope);
  return typeof scope === 'function' ? scope(path) : path.search(scope) >= 0;
}
