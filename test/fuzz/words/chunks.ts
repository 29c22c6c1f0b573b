/** Parts of chunk lines. */

export const SIZES = ['1', '3', '5', 'a', 'F', '1f'];
export const ODD_SIZES = [
  '0x3',
  '+3',
  '-1',
  ' 3',
  '3 ',
  '3\t',
  '3_0',
  '',
  'g',
  '3g',
  '0000000000003',
  '00000000000003',
  'fffffffffffff',
  '1fffffffffffff',
  '10000000000000005',
  '\xb3',
];
export const EXTENSIONS = ['', '', '', ';a=b', ';a="b;c"', ';', ';a'];
export const ODD_EXTENSIONS = [
  ' ;a',
  ';a\x00',
  ';a\n',
  ';a\rb',
  ';a\x7f',
  ';a="\r\n"',
  ';\x80',
  ';\t',
  ';a\x0b',
  `;${'x'.repeat(9_000)}`,
  `;${'x'.repeat(16_384)}`,
  `;${'x'.repeat(16_385)}`,
];
