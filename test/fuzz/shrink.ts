/** Long messages do not become minimal: that would take longer than reading them. */
const MOST_MS = 10_000;

/** Takes pieces out of the bytes as long as they still fail: what is left is the reason. */
export function shrink(bytes: Buffer, stillFails: (bytes: Buffer) => boolean): Buffer {
  let current = bytes;
  const until = performance.now() + MOST_MS;
  for (let size = current.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at < current.length && performance.now() < until; ) {
      const shorter = Buffer.concat([current.subarray(0, at), current.subarray(at + size)]);
      if (stillFails(shorter)) current = shorter;
      else at += size;
    }
  }
  return current;
}

/** As text with escapes, and in hexadecimal. */
export function dump(bytes: Buffer): string {
  const hex = bytes.toString('hex').replace(/(..)(?=.)/g, '$1 ');
  return `${escaped(bytes)}\n  hex: ${hex}`;
}

function escaped(bytes: Buffer): string {
  const text = bytes
    .toString('latin1')
    .replace(/[\x00-\x1f\x7f-\xff\\']/g, (char) => ESCAPES[char] ?? `\\x${hexOf(char)}`);
  return `'${text}'`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\r': '\\r',
  '\n': '\\n',
  '\t': '\\t',
  '\\': '\\\\',
  "'": "\\'",
};

function hexOf(char: string): string {
  return char.charCodeAt(0).toString(16).padStart(2, '0');
}
