import { paint, type Style, visible } from './terminal.ts';

export interface Column {
  readonly title: string;
  /** Numbers line up at their right end. */
  readonly align?: 'left' | 'right';
  readonly style?: (cell: string) => Style | null;
}

/**
 * Aligned lines for a person, the heading first. Widths come from the plain texts, styles are put around
 * them.
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const cells = rows.map((row) => columns.map((_, index) => visible(row[index] ?? '')));
  const widths = columns.map(({ title }, index) =>
    Math.max(width(title), ...cells.map((row) => width(row[index] ?? ''))),
  );
  const heading = line(
    columns.map(({ title }) => title),
    columns,
    widths,
    () => 'bold',
  );
  const body = cells.map((row) => line(row, columns, widths, (cell, column) => column.style?.(cell) ?? null));
  return [heading, ...body];
}

function line(
  cells: readonly string[],
  columns: readonly Column[],
  widths: readonly number[],
  styleOf: (cell: string, column: Column) => Style | null,
): string {
  const last = columns.length - 1;
  const parts = columns.map((column, index) => {
    const cell = cells[index] ?? '';
    const gap = ' '.repeat((widths[index] ?? 0) - width(cell));
    const style = cell === '' ? null : styleOf(cell, column);
    const painted = style === null ? cell : paint(style, cell);
    if (column.align === 'right') return gap + painted;
    return index === last ? painted : painted + gap;
  });
  return parts.join('  ').trimEnd();
}

function width(text: string): number {
  return [...text].length;
}
