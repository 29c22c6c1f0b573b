/** Bodies that both ends can compute, so that every byte is verified and none is kept. */

const MAX_BYTES = 4 * 1024 * 1024;
/** How far the start may move; odd, so that no two requests in a row see the same bytes at the same place. */
export const SEEDS = 251;

const pattern = Buffer.alloc(MAX_BYTES + SEEDS);
for (let at = 0, state = 1; at < pattern.length; at++) {
  state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
  pattern[at] = state >>> 24;
}

/** At most 4 MiB. */
export function payload(bytes: number, seed: number): Buffer {
  return pattern.subarray(seed % SEEDS, (seed % SEEDS) + bytes);
}

/** A body as chunks of these sizes in turn, the last one included. */
export function chunked(body: Buffer, sizes: readonly number[]): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0, turn = 0; at < body.length; turn++) {
    const chunk = body.subarray(at, at + sizes[turn % sizes.length]!);
    parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
    at += chunk.length;
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}
