import type { Case } from '../case.ts';

/** Outputs as Go gives them. */
export const numbers: readonly Case[] = [
  ['{{ parseInt "12" }}', '12'],
  ['{{ parseFloat "0x1p4" }}', '16'],
  ['{{ parseFloat "1.50" }}', '1.5'],
  ['{{ parseFloat "inf" }}', '+Inf'],
  ['{{ parseBool "T" }}', 'true'],
  ['{{ parseBool "" }}', 'false'],
  ['{{ parseInt "+5" }}', '5'],
  ['{{ parseFloat ".5" }}', '0.5'],
  ['{{ parseFloat "5." }}', '5'],
  ['{{ parseFloat "1_0" }}', '10'],
  ['{{ 5 | subtract 2 }}', '3'],
  ['{{ add 1 2 }}', '3'],
  ['{{ add 1.5 2 }}', '3.5'],
  ['{{ printf "%T" (add 1 2) }}', 'int64'],
  ['{{ divide 3 7 }}', '2'],
  ['{{ divide 2 -7 }}', '-3'],
  ['{{ modulo 3 7 }}', '1'],
  ['{{ modulo 3 -7 }}', '-1'],
  ['{{ minimum 3 2 }}', '2'],
  ['{{ maximum 3 2.5 }}', '3'],
  ['{{ printf "%T" (minimum 1 2) }}', 'int64'],
  ['{{ add (parseUint "3") (parseUint "4") | printf "%T" }}', 'uint64'],
  ['{{ multiply 9223372036854775807 2 }}', '-2'],
  ['{{ divide 0.0 4 }}', '+Inf'],
  ['{{ minimum 1.5 1 }}', '1'],
  ['{{ maximum 1.5 1 }}', '1.5'],
  ['{{ maximum (parseUint "5") 3 | printf "%T %v" }}', 'uint64 %!v(MISSING)'],
];

/** Errors, from their reason on. */
export const numbersFailures: readonly Case[] = [
  ['{{ parseInt "x" }}', 'error calling parseInt: parseInt: strconv.ParseInt: parsing "x": invalid syntax'],
  [
    '{{ parseInt "99999999999999999999" }}',
    'error calling parseInt: parseInt: strconv.ParseInt: parsing "99999999999999999999": value out of range',
  ],
  [
    '{{ parseUint "-1" }}',
    'error calling parseUint: parseUint: strconv.ParseUint: parsing "-1": invalid syntax',
  ],
  [
    '{{ parseFloat "1e400" }}',
    'error calling parseFloat: parseFloat: strconv.ParseFloat: parsing "1e400": value out of range',
  ],
  [
    '{{ parseBool "yes" }}',
    'error calling parseBool: parseBool: strconv.ParseBool: parsing "yes": invalid syntax',
  ],
  ['{{ divide 0 4 }}', 'error calling divide: runtime error: integer divide by zero'],
  ['{{ modulo 1.5 3 }}', 'error calling modulo: modulo: unknown type for %!q(float64=1.5) (float64)'],
  ['{{ add "a" 1 }}', 'error calling add: add: unknown type for "a" (string)'],
  ['{{ add 1 "a" }}', 'error calling add: add: unknown type for "a" (string)'],
  ['{{ add nil 1 }}', 'error calling add: add: unknown type for <invalid reflect.Value> (<nil>)'],
  ['{{ parseInt 5 }}', 'expected string; found 5'],
  ['{{ "5" | add 1 }}', 'error calling add: add: unknown type for "5" (string)'],
  ['{{ modulo 0 1 }}', 'error calling modulo: runtime error: integer divide by zero'],
];
