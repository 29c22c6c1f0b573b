import { readFileSync, statSync } from 'node:fs';

/** Where the value of `X-Consul-Token` comes from. */
export interface TokenSource {
  current(): string | null;
  /** The last one was refused: read the file again before the next attempt. */
  refused(): void;
}

/** How often the file's mtime is looked at. */
const STAT_EVERY_MS = 1000;

/**
 * A fixed token, or a file that is read again when its mtime changed and after every refusal. A file that cannot be
 * read, or is empty for the moment it is being rewritten, keeps the last good value.
 */
export function createTokenSource(
  config: { readonly token: string | null; readonly tokenFile: string | null },
  now: () => number,
): TokenSource {
  const file = config.tokenFile;
  if (file === null) return { current: () => config.token, refused: () => {} };

  let value = config.token;
  let mtime = -1;
  let lookedAt = Number.NEGATIVE_INFINITY;

  function look(): void {
    lookedAt = now();
    try {
      const changed = statSync(file as string).mtimeMs;
      if (changed === mtime) return;
      const text = readFileSync(file as string, 'utf8').trim();
      mtime = changed;
      if (text !== '') value = text;
    } catch {
      // Unreadable right now (rotation in progress, wrong mode): the refusal that follows is reported as `acl`.
    }
  }

  return {
    current() {
      if (now() - lookedAt >= STAT_EVERY_MS) look();
      return value;
    },
    refused() {
      mtime = -1;
      lookedAt = Number.NEGATIVE_INFINITY;
    },
  };
}
