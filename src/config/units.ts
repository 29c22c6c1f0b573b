/** A value, or the reason there is none. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

const durationUnits = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3],
  ['μs', 1e-3],
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

const sizeUnits = new Map([
  ['B', 1],
  ['KiB', 1024],
  ['MiB', 1024 ** 2],
  ['GiB', 1024 ** 3],
]);

/** Longest delay a timer of the runtime can hold; a longer one would fire at once. */
export const longestTimerMs = 2_147_483_647;

export function accept<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

export function refuse(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}

/** A value as it may appear in a message: escaped and short. */
export function quote(value: unknown): string {
  const text = JSON.stringify(typeof value === 'string' ? value : String(value));
  return text.length > 80 ? `${text.slice(0, 76)}…"` : text;
}

/**
 * Go's duration grammar (`250ms`, `1m30s`, `1.5h`, `0`) in milliseconds; negative and unitless ones are
 * refused.
 */
export function parseDuration(text: string): Parsed<number> {
  if (/^0+(\.0+)?$/.test(text)) return accept(0);
  if (/^\d+(\.\d+)?$/.test(text)) return refuse(`${quote(text)} has no unit: write ${text}s or ${text}ms`);
  if (text.startsWith('-')) return refuse(`${quote(text)} is negative`);
  if (!/^((\d+(\.\d*)?|\.\d+)[a-zµμ]+)+$/.test(text)) return refuse(notADuration(text));
  let total = 0;
  for (const [, amount = '', unit = ''] of text.matchAll(/([\d.]+)([a-zµμ]+)/g)) {
    const factor = durationUnits.get(unit);
    if (factor === undefined) return refuse(unknownDurationUnit(text, unit));
    total += Number(amount) * factor;
  }
  if (total > 0 && total < 1) return refuse(`${quote(text)} is finer than a millisecond`);
  if (total > longestTimerMs) return refuse(`${quote(text)} is longer than 596h`);
  return accept(Math.round(total));
}

function notADuration(text: string): string {
  return `${quote(text)} is not a duration: write 250ms, 30s, 1m30s or 1h`;
}

function unknownDurationUnit(text: string, unit: string): string {
  const hint = unit === 'd' ? ' (a day is 24h)' : '';
  return `${quote(text)} has the unknown unit ${quote(unit)}: use ms, s, m or h${hint}`;
}

/** `512B`, `64KiB`, `1MiB`, `1GiB` or `0`, in bytes. */
export function parseSize(text: string): Parsed<number> {
  if (/^0+$/.test(text)) return accept(0);
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text);
  if (match === null) return refuse(`${quote(text)} is not a size: write 512B, 64KiB or 1MiB`);
  const [, amount = '', unit = ''] = match;
  if (unit === '') return refuse(`${quote(text)} has no unit: write ${amount}B or ${amount}KiB`);
  const factor = sizeUnits.get(unit);
  if (factor === undefined) return refuse(unknownSizeUnit(text, unit));
  const bytes = Number(amount) * factor;
  if (!Number.isSafeInteger(bytes)) return refuse(`${quote(text)} is not a whole number of bytes`);
  return accept(bytes);
}

function unknownSizeUnit(text: string, unit: string): string {
  return `${quote(text)} has the unknown unit ${quote(unit)}: use B, KiB, MiB or GiB (powers of 1024)`;
}

/** A whole number within bounds. */
export function parseInteger(text: string, from: number, to: number): Parsed<number> {
  if (!/^\d{1,15}$/.test(text)) return refuse(`${quote(text)} is not a whole number`);
  const value = Number(text);
  if (value < from || value > to) return refuse(`${text} is out of range: use ${from} to ${to}`);
  return accept(value);
}

/** The texts Go's `strconv.ParseBool` takes, and no others: `yes` and `on` are refused. */
export function parseBoolean(text: string): Parsed<boolean> {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return accept(true);
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) return accept(false);
  return refuse(`${quote(text)} is neither true nor false`);
}
