import { posix } from 'node:path';

/** Go's package path. */

export function cleanPath(path: string): string {
  const clean = posix.normalize(path);
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean;
}

export function baseName(path: string): string {
  if (path === '') return '.';
  const bare = path.replace(/(?<!\/)\/+$/, '');
  return bare === '' || /^\/+$/.test(path) ? '/' : bare.slice(bare.lastIndexOf('/') + 1);
}

export function directory(path: string): string {
  return cleanPath(path.slice(0, path.lastIndexOf('/') + 1));
}

/** From the last dot of the last element on. */
export function extension(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const dot = name.lastIndexOf('.');
  return dot < 0 ? '' : name.slice(dot);
}
