/** Go's strconv.FormatFloat for float64: JavaScript rounds halves up where Go rounds exact halves to even. */

export type FloatVerb = 'b' | 'e' | 'E' | 'f' | 'g' | 'G' | 'x' | 'X';

/** Significant digits and the place of the decimal point before them: 0.DIGITS × 10^point. */
interface Decimal {
  readonly digits: string;
  readonly point: number;
}

/** Precision -1 is the shortest text that reads back as the same number. */
export function formatFloat(value: number, verb: FloatVerb, precision: number): string {
  if (Number.isNaN(value)) return 'NaN';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const size = Math.abs(value);
  if (size === Number.POSITIVE_INFINITY) return sign === '' ? '+Inf' : '-Inf';
  if (verb === 'b') return sign + binary(size);
  if (verb === 'x' || verb === 'X') return sign + hexadecimal(size, precision, verb);
  const decimal = precision < 0 ? shortest(size) : rounded(size, verb, precision);
  if (verb === 'f')
    return (
      sign + plain(decimal, precision < 0 ? Math.max(decimal.digits.length - decimal.point, 0) : precision)
    );
  if (verb === 'e' || verb === 'E') {
    return (
      sign + exponential(decimal, precision < 0 ? Math.max(decimal.digits.length - 1, 0) : precision, verb)
    );
  }
  return sign + general(decimal, precision, verb === 'g' ? 'e' : 'E');
}

function general(decimal: Decimal, precision: number, letter: 'e' | 'E'): string {
  const { digits, point } = decimal;
  // Shortest numbers change to an exponent at 1e+06, which JSON's integers meet first.
  const asked = precision < 0 ? 6 : precision === 0 ? 1 : precision;
  const threshold = precision >= 0 && asked > digits.length && digits.length >= point ? digits.length : asked;
  const exponent = point - 1;
  if (exponent < -4 || exponent >= threshold)
    return exponential(decimal, Math.max(digits.length - 1, 0), letter);
  return plain(decimal, Math.max(digits.length - point, 0));
}

function plain({ digits, point }: Decimal, places: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '0';
  if (places === 0) return whole;
  const fraction = point >= 0 ? digits.slice(point) : '0'.repeat(Math.min(-point, places)) + digits;
  return `${whole}.${fraction.slice(0, places).padEnd(places, '0')}`;
}

function exponential({ digits, point }: Decimal, places: number, letter: 'e' | 'E'): string {
  const first = digits.charAt(0) || '0';
  const rest = places > 0 ? `.${digits.slice(1, places + 1).padEnd(places, '0')}` : '';
  return `${first}${rest}${letter}${exponentText(digits === '' ? 0 : point - 1, 2)}`;
}

function exponentText(exponent: number, digits: number): string {
  return `${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(digits, '0')}`;
}

function shortest(size: number): Decimal {
  if (size === 0) return { digits: '', point: 0 };
  const [digits = '', exponent = '0'] = size.toExponential().split('e');
  return { digits: digits.replace('.', ''), point: Number(exponent) + 1 };
}

function rounded(size: number, verb: FloatVerb, precision: number): Decimal {
  const all = exact(size);
  const wanted =
    verb === 'f' ? all.point + precision : verb === 'e' || verb === 'E' ? precision + 1 : precision || 1;
  return roundTo(all, wanted);
}

/** Every digit of the number: a double is a whole number times a power of two, so there is an end to them. */
function exact(size: number): Decimal {
  if (size === 0) return { digits: '', point: 0 };
  const { mantissa, exponent } = parts(size);
  if (exponent >= 0) return trimmed((mantissa << BigInt(exponent)).toString(), 0);
  return trimmed((mantissa * 5n ** BigInt(-exponent)).toString(), exponent);
}

function trimmed(digits: string, shift: number): Decimal {
  return { digits: digits.replace(/0+$/, ''), point: digits.length + shift };
}

function roundTo({ digits, point }: Decimal, wanted: number): Decimal {
  if (wanted >= digits.length) return { digits, point };
  if (wanted < 0) return { digits: '', point: 0 };
  const kept = digits.slice(0, wanted);
  if (!roundsUp(digits, wanted)) return withoutZeros(kept, point);
  const raised = (BigInt(kept || '0') + 1n).toString();
  const grown = raised.length > wanted;
  return withoutZeros(grown ? raised : raised.padStart(wanted, '0'), grown ? point + 1 : point);
}

function withoutZeros(digits: string, point: number): Decimal {
  const left = digits.replace(/0+$/, '');
  return left === '' ? { digits: '', point: 0 } : { digits: left, point };
}

function roundsUp(digits: string, at: number): boolean {
  const next = digits.charAt(at);
  const half = next === '5' && at + 1 === digits.length;
  return half ? at > 0 && Number(digits.charAt(at - 1)) % 2 === 1 : next >= '5';
}

function parts(size: number): { readonly mantissa: bigint; readonly exponent: number } {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, size);
  const bits = view.getBigUint64(0);
  const biased = Number(bits >> 52n) & 0x7ff;
  const fraction = bits & 0xfffffffffffffn;
  return biased === 0
    ? { mantissa: fraction, exponent: -1074 }
    : { mantissa: fraction | (1n << 52n), exponent: biased - 1075 };
}

function binary(size: number): string {
  const { mantissa, exponent } = size === 0 ? { mantissa: 0n, exponent: -1074 } : parts(size);
  return `${mantissa}p${exponent < 0 ? '-' : '+'}${Math.abs(exponent)}`;
}

function hexadecimal(size: number, precision: number, verb: 'x' | 'X'): string {
  let { mantissa, exponent } = parts(size);
  if (size === 0) exponent = 0;
  else {
    while (mantissa >> 52n === 0n) {
      mantissa <<= 1n;
      exponent--;
    }
    exponent += 52;
  }
  if (precision >= 0 && precision < 13) {
    const dropped = BigInt(52 - precision * 4);
    const rest = mantissa & ((1n << dropped) - 1n);
    const half = 1n << (dropped - 1n);
    mantissa >>= dropped;
    if (rest > half || (rest === half && (mantissa & 1n) === 1n)) mantissa++;
    mantissa <<= dropped;
    if (mantissa >> 53n > 0n) {
      mantissa >>= 1n;
      exponent++;
    }
  }
  const digits = (mantissa & 0xfffffffffffffn).toString(16).padStart(13, '0');
  const shown = precision < 0 ? digits.replace(/0+$/, '') : digits.padEnd(precision, '0').slice(0, precision);
  const text = `0x${mantissa >> 52n}${shown === '' ? '' : `.${shown}`}p${exponentText(exponent, 2)}`;
  return verb === 'X' ? text.toUpperCase() : text;
}
