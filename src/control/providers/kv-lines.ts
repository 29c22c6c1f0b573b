import { type BlockingQuery, startBlockingQuery, type WatchContext } from './blocking-query.ts';
import type { Read } from './consul-client.ts';
import { BadAnswer, isObject, parseJson, Unconfirmed } from './fault.ts';

type Lines = readonly (readonly [string, string])[];

const CONFIRM_AFTER_MS = 250;

/** Watches a KV folder, such as Fabio's, and reports its texts in key order. No such folder: no lines. */
export function watchKvLines(
  context: WatchContext,
  folder: string,
  report: (lines: Lines, receivedAt: number) => void,
  signal: AbortSignal,
): BlockingQuery {
  const path = kvPath(folder);
  let known: Lines | null = null;

  /** As with services: a folder that had lines is not believed to be gone before a second look. */
  async function confirmAbsence(): Promise<Read> {
    await context.clock.sleep(CONFIRM_AFTER_MS, signal);
    const again = await context.client.read(path, { signal, consistent: true, absent: true });
    if (again.kind === 'error') throw new Unconfirmed(again);
    return again;
  }

  async function accept(read: Read): Promise<'accepted' | 'reread'> {
    let lines = readKvLines(read.body);
    let receivedAt = read.receivedAt;
    let contradicted = false;
    if (lines.length === 0 && known !== null && known.length > 0) {
      const again = await confirmAbsence();
      lines = readKvLines(again.body);
      receivedAt = again.receivedAt;
      contradicted = lines.length > 0;
    }
    if (!signal.aborted && !sameLines(known, lines)) {
      known = lines;
      report(lines, receivedAt);
    }
    return contradicted ? 'reread' : 'accepted';
  }

  return startBlockingQuery(context, { path, absent: true, accept }, signal);
}

function kvPath(folder: string): string {
  const key = folder.replace(/^\/+/, '').split('/').map(encodeURIComponent).join('/');
  return `/v1/kv/${key}?recurse`;
}

/** Entries without a value are folders. */
export function readKvLines(body: Buffer | null): Lines {
  if (body === null) return [];
  const answer = parseJson(body);
  if (!Array.isArray(answer)) throw new BadAnswer('KV: not a list');
  const lines: [string, string][] = [];
  for (const entry of answer as readonly unknown[]) {
    if (!isObject(entry) || typeof entry.Key !== 'string') throw new BadAnswer('KV: an entry without a key');
    if (typeof entry.Value === 'string')
      lines.push([entry.Key, Buffer.from(entry.Value, 'base64').toString('utf8')]);
  }
  return lines.sort(([a], [b]) => (a < b ? -1 : 1));
}

function sameLines(a: Lines | null, b: Lines): boolean {
  return a !== null && a.length === b.length && a.every(([k, v], i) => k === b[i]?.[0] && v === b[i]?.[1]);
}
