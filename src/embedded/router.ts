import type { Answer } from './answer.ts';
import { ApiError } from './errors.ts';
import type { Read } from './read.ts';
import type { ApiRequest } from './request.ts';

export type Method = 'GET' | 'PUT' | 'DELETE';

/** A write answers; a read says what it watches and is answered by the blocking logic. */
export type Handler = (request: ApiRequest) => Answer | Read;

/** Paths to handlers. A path that ends in `/` takes everything below it as `rest`. */
export type Routes = Readonly<Record<string, Partial<Record<Method, Handler>>>>;

export interface Matched {
  readonly handler: Handler;
  /** The undecoded rest of the path. */
  readonly rest: string;
}

export const isRead = (result: Answer | Read): result is Read => 'topics' in result;

/** Finds the handler: the exact path, else the longest prefix. */
export function match(routes: Routes, method: string, path: string): Matched {
  const route = prefixOf(routes, path);
  if (route === null) throw new ApiError(404, '');
  const methods = routes[route]!;
  const handler = Object.hasOwn(methods, method) ? methods[method as Method] : undefined;
  if (handler) return { handler, rest: path.slice(route.length) };
  const allowed = { Allow: ['OPTIONS', ...Object.keys(methods)].join(',') };
  if (method === 'OPTIONS') throw new ApiError(200, '', allowed);
  throw new ApiError(405, `method ${method} not allowed`, allowed);
}

function prefixOf(routes: Routes, path: string): string | null {
  if (Object.hasOwn(routes, path)) return path;
  for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1)) {
    const prefix = path.slice(0, cut + 1);
    if (Object.hasOwn(routes, prefix)) return prefix;
  }
  return null;
}
