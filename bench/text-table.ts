/** Markdown tables that also read well on a terminal, and the figures in them. Pure. */

/** First column to the left, the others to the right; every cell padded to its column's width. */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(3, ...[title, ...rows.map((row) => row[column] ?? '')].map((cell) => [...cell].length)),
  );
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const pad = (row: readonly string[]): string =>
    line(widths.map((width, column) => padded(row[column] ?? '', width, column === 0)));
  const rule = line(
    widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)),
  );
  return [pad(head), rule, ...rows.map(pad)].join('\n');
}

function padded(cell: string, width: number, left: boolean): string {
  const space = ' '.repeat(Math.max(0, width - [...cell].length));
  return left ? cell + space : space + cell;
}

/** Three significant digits, never in scientific notation; `–` for what is not a number. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return value.toFixed(digits);
}

/** With thousands separated by a thin mark that no parser mistakes for a decimal point: `12 345`. */
export function whole(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ' ');
}

/** `1.25×`; `–` where the reference was not measured. */
export function ratio(value: number, reference: number | undefined): string {
  if (reference === undefined || reference === 0) return '–';
  const times = value / reference;
  return Number.isFinite(times) ? `${times.toFixed(2)}×` : '–';
}
