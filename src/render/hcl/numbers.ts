/** Everything that could be meant as a number, so that a bad one is reported as a whole. */
export const numberPattern = /-?\d[\w.]*(?:(?<=[eE])[+-]\d+)?/y;

/** Integers by Go's rule (`0600` octal, `0x1f` hexadecimal) and decimal fractions; null for anything else. */
export function readNumber(text: string): number | null {
  const negative = text.startsWith('-');
  const digits = negative ? text.slice(1) : text;
  const value = readDigits(digits);
  if (value === null) return null;
  return negative ? -value : value;
}

function readDigits(digits: string): number | null {
  if (/^0[xX][\da-fA-F]+$/.test(digits)) return whole(Number(digits));
  if (/^0[0-7]+$/.test(digits)) return whole(Number.parseInt(digits, 8));
  if (/^(0|[1-9]\d*)$/.test(digits)) return whole(Number(digits));
  if (/^\d+(\.\d+)?([eE][+-]?\d+)?$/.test(digits) && /[.eE]/.test(digits)) return finite(Number(digits));
  return null;
}

/** Larger ones could not be told apart. */
function whole(value: number): number | null {
  return Number.isSafeInteger(value) ? value : null;
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
