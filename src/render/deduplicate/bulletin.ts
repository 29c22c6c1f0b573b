import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import * as z from 'zod';

/** What one leader tells those who follow it. */
export interface Bulletin {
  /** Grows from leader to leader: what a former one writes late is not believed. */
  readonly token: number;
  /** Encoded answers by the query's id; null tells that there is nothing to be had from this leader. */
  readonly answers: ReadonlyMap<string, unknown> | null;
}

/** Another number means another meaning of what is inside; older processes then ask Consul themselves. */
const FORMAT = 1;
/** A few bytes may be blown up to anything. */
const MAX_BYTES = 64 * 1024 * 1024;

const schema = z.object({
  format: z.literal(FORMAT),
  token: z.int().nonnegative(),
  answers: z.record(z.string(), z.unknown()).nullable(),
});

export async function pack({ token, answers }: Bulletin): Promise<string> {
  const body = { format: FORMAT, token, answers: answers === null ? null : Object.fromEntries(answers) };
  return (await promisify(gzip)(JSON.stringify(body), { level: 6 })).toString('base64');
}

/** null for what makes no sense here. */
export async function unpack(text: string): Promise<Bulletin | null> {
  try {
    const bytes = await promisify(gunzip)(Buffer.from(text, 'base64'), { maxOutputLength: MAX_BYTES });
    const { token, answers } = schema.parse(JSON.parse(bytes.toString('utf8')));
    return { token, answers: answers === null ? null : new Map(Object.entries(answers)) };
  } catch {
    return null;
  }
}
