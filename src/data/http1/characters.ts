export const TOKEN = 1;
export const TARGET = 2;
export const VALUE = 4;

/** RFC 9110 §5.6.2 (token), RFC 9112 §3.2 (visible ASCII, no `#`), RFC 9110 §5.5 (field value, obs-text included). */
export const CLASS = new Uint8Array(256);
for (let c = 0x21; c <= 0x7e; c++) CLASS[c] = VALUE | (c === 0x23 ? 0 : TARGET);
for (let c = 0x80; c <= 0xff; c++) CLASS[c] = VALUE;
CLASS[0x20] = VALUE;
CLASS[0x09] = VALUE;
for (const c of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  CLASS[c.charCodeAt(0)]! |= TOKEN;
}
