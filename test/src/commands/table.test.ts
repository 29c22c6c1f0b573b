import { expect, test } from 'vitest';
import { formatTable } from '../../../src/commands/table.ts';
import { visible } from '../../../src/commands/terminal.ts';

test('columns line up; numbers at their right end; no space at the end of a line', () => {
  const columns = [{ title: 'NAME' }, { title: 'N', align: 'right' as const }, { title: 'NOTE' }];
  const rows = [['a', '1', 'x'], ['long name', '1000', ''], ['ü€😀', '20', 'z'], ['short']];
  expect(formatTable(columns, rows)).toEqual([
    'NAME          N  NOTE',
    'a             1  x',
    'long name  1000',
    'ü€😀          20  z',
    'short',
  ]);
});

test('control characters and direction marks become visible', () => {
  expect(visible('a\u001b[31m\n\u009b\u202eb')).toBe('a\\x1b[31m\\x0a\\x9b\\u202eb');
  expect(visible('grüße')).toBe('grüße');
});
