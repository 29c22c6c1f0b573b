import { FunctionError } from '../../template/errors.ts';
import { method } from '../../template/functions.ts';
import { structType } from '../../template/kinds.ts';
import { int, pointer, record, type Struct, type Value } from '../../template/values.ts';
import { type Named, ofTexts } from '../define.ts';

/** Versions as semver.org 2.0.0 has them, with a leading `v` and missing parts allowed. */
interface Version {
  readonly original: string;
  readonly numbers: readonly [number, number, number];
  readonly prerelease: string;
  readonly metadata: string;
}

const IDENTIFIERS = '[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*';
const FORM = new RegExp(
  `^v?(\\d{1,15})(?:\\.(\\d{1,15}))?(?:\\.(\\d{1,15}))?(?:-(${IDENTIFIERS}))?(?:\\+(${IDENTIFIERS}))?$`,
);

function parse(text: string): Version {
  const match = text.length > 256 ? null : FORM.exec(text);
  if (match === null) throw new FunctionError('Invalid Semantic Version');
  const [, major, minor = '0', patch = '0', prerelease = '', metadata = ''] = match;
  return { original: text, numbers: [Number(major), Number(minor), Number(patch)], prerelease, metadata };
}

function compare(one: Version, other: Version): number {
  for (const [at, number] of one.numbers.entries()) {
    if (number !== other.numbers[at]) return number - other.numbers[at]!;
  }
  return comparePrerelease(one.prerelease, other.prerelease);
}

/** A version with a prerelease comes before the one without. */
function comparePrerelease(one: string, other: string): number {
  if (one === other) return 0;
  if (one === '' || other === '') return one === '' ? 1 : -1;
  const a = one.split('.');
  const b = other.split('.');
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const [x, y] = [a[at], b[at]];
    if (x === y) continue;
    if (x === undefined || y === undefined) return x === undefined ? -1 : 1;
    const areNumbers = [x, y].map((part) => /^\d+$/.test(part));
    if (areNumbers[0] && areNumbers[1]) return Number(x) - Number(y);
    if (areNumbers[0] || areNumbers[1]) return areNumbers[0] ? -1 : 1;
    return x < y ? -1 : 1;
  }
  return 0;
}

interface Range {
  readonly operator: string;
  readonly version: Version;
  /** Numbers given; the others are anything. */
  readonly parts: number;
}

const OPERATION = /^\s*(=|!=|>=|=>|<=|=<|>|<|~>|~|\^|)\s*v?(\*|[xX]|[0-9][0-9A-Za-z.*+-]*)/;

/** `>=1.2 <2, !=1.3.1 || ^3`: any of the alternatives, all conditions of one. */
function parseConstraint(text: string): readonly (readonly Range[])[] {
  if (text.length > 1_000) throw new FunctionError('improper constraint: too long');
  return text.split('||').map((alternative) => {
    const ranges: Range[] = [];
    let rest = alternative.replace(/(\S+)\s+-\s+(\S+)/g, '>=$1 <=$2');
    while (rest.trim() !== '') {
      const match = OPERATION.exec(rest);
      if (match === null) throw new FunctionError(`improper constraint: ${text}`);
      ranges.push(rangeOf(match[1]!, match[2]!, text));
      rest = rest.slice(match[0].length).replace(/^\s*,/, '');
    }
    if (ranges.length === 0) throw new FunctionError(`improper constraint: ${text}`);
    return ranges;
  });
}

function rangeOf(operator: string, given: string, text: string): Range {
  const numbers = (/^[^+-]*/.exec(given)?.[0] ?? '').split('.');
  const wild = numbers.findIndex((part) => /^[xX*]$/.test(part));
  const parts = wild < 0 ? numbers.length : wild;
  const shown = wild < 0 ? given : numbers.slice(0, wild).join('.') || '0';
  if (parts > 3 || !FORM.test(shown)) throw new FunctionError(`improper constraint: ${text}`);
  return { operator, version: parse(shown), parts };
}

function holds({ operator, version, parts }: Range, asked: Version): boolean {
  // A prerelease is only wanted where one is named.
  if (asked.prerelease !== '' && version.prerelease === '' && operator !== '!=') return false;
  const order = compare(asked, version);
  const sameAs = (count: number): boolean =>
    version.numbers.slice(0, count).every((number, at) => number === asked.numbers[at]);
  switch (operator) {
    case '':
    case '=':
      return parts < 3 ? sameAs(parts) : order === 0;
    case '!=':
      return parts < 3 ? !sameAs(parts) : order !== 0;
    case '>':
      return parts < 3 ? order > 0 && !sameAs(parts) : order > 0;
    case '<':
      return order < 0;
    case '>=':
    case '=>':
      return order >= 0;
    case '<=':
    case '=<':
      return order <= 0 || (parts < 3 && sameAs(parts));
    case '^': {
      const first = version.numbers.findIndex((number) => number !== 0);
      const kept = first < 0 ? Math.max(1, parts) : first + 1;
      return order >= 0 && sameAs(Math.min(kept, parts));
    }
    default:
      return order >= 0 && sameAs(Math.min(parts, 2));
  }
}

const own = (value: Value): Version => (value as Struct).inner as Version;

const versionType = structType('semver.Version', [], {
  text: (value) => {
    const { numbers, prerelease, metadata } = own(value);
    return numbers.join('.') + (prerelease && `-${prerelease}`) + (metadata && `+${metadata}`);
  },
  methods: {
    Major: method([], (value) => int(own(value).numbers[0], 'uint64')),
    Minor: method([], (value) => int(own(value).numbers[1], 'uint64')),
    Patch: method([], (value) => int(own(value).numbers[2], 'uint64')),
    Prerelease: method([], (value) => own(value).prerelease),
    Metadata: method([], (value) => own(value).metadata),
    Original: method([], (value) => own(value).original),
  },
});

export const semverFunctions: Named = [
  ['semver', ofTexts(1, (text) => pointer(record(versionType, [], parse(text))))],
  [
    'semverCompare',
    ofTexts(2, (constraint, text) => {
      const version = parse(text);
      return parseConstraint(constraint).some((ranges) => ranges.every((range) => holds(range, version)));
    }),
  ],
];
