/** Go's time layouts, which are written as the moment Mon Jan 2 15:04:05 MST 2006 would be. Times are in UTC. */

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** In the order in which Go looks for them at one place; `Jan` is no month inside a longer word. */
const PIECES =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|__2|_2(?!006)|002|0[1-6]|15|-07:00:00|-070000|-07:00|-0700|-07|Z07:00:00|Z070000|Z07:00|Z0700|Z07|[.,](?:0+|9+)(?![0-9])|PM|pm|[1-5]/g;

export function formatGoTime(time: Date, layout: string): string {
  return layout.replace(PIECES, (piece) => shown(time, piece));
}

function shown(time: Date, piece: string): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const hour12 = time.getUTCHours() % 12 || 12;
  switch (piece) {
    case 'January':
      return MONTHS[time.getUTCMonth()]!;
    case 'Jan':
      return MONTHS[time.getUTCMonth()]!.slice(0, 3);
    case '01':
      return two(time.getUTCMonth() + 1);
    case '1':
      return String(time.getUTCMonth() + 1);
    case 'Monday':
      return DAYS[time.getUTCDay()]!;
    case 'Mon':
      return DAYS[time.getUTCDay()]!.slice(0, 3);
    case '02':
      return two(time.getUTCDate());
    case '_2':
      return String(time.getUTCDate()).padStart(2);
    case '2':
      return String(time.getUTCDate());
    case '002':
      return String(dayOfYear(time)).padStart(3, '0');
    case '__2':
      return String(dayOfYear(time)).padStart(3);
    case '15':
      return two(time.getUTCHours());
    case '03':
      return two(hour12);
    case '3':
      return String(hour12);
    case '04':
      return two(time.getUTCMinutes());
    case '4':
      return String(time.getUTCMinutes());
    case '05':
      return two(time.getUTCSeconds());
    case '5':
      return String(time.getUTCSeconds());
    case '2006':
      return String(time.getUTCFullYear()).padStart(4, '0');
    case '06':
      return two(time.getUTCFullYear() % 100);
    case 'PM':
      return time.getUTCHours() < 12 ? 'AM' : 'PM';
    case 'pm':
      return time.getUTCHours() < 12 ? 'am' : 'pm';
    case 'MST':
      return 'UTC';
    default:
      return zoneOrFraction(time, piece);
  }
}

function zoneOrFraction(time: Date, piece: string): string {
  if (piece.startsWith('Z')) return 'Z';
  if (piece.startsWith('-')) return `+${piece.slice(1).replaceAll('7', '0')}`;
  const digits = String(time.getUTCMilliseconds())
    .padStart(3, '0')
    .padEnd(9, '0')
    .slice(0, piece.length - 1);
  if (piece.charAt(1) === '0') return piece.charAt(0) + digits;
  const short = digits.replace(/0+$/, '');
  return short === '' ? '' : piece.charAt(0) + short;
}

function dayOfYear(time: Date): number {
  return Math.floor((time.getTime() - Date.UTC(time.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
}
