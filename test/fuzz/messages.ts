import type { Random } from './random.ts';
import type { Limits } from './reference.ts';
import * as words from './vocabulary.ts';

/** Whole messages in latin1: mostly well-formed, with an odd part here and there. */

/** How often a part is an odd one. There are many parts. */
const ODDITY = 0.035;

export function requestText(random: Random, limits: Limits): string {
  const line =
    random.mostly([''], ['\r\n', '\r\n\r\n', '\r\n\r\n\r\n', '\n', '\r', ' '], ODDITY) +
    oversized(random, random.mostly(words.METHODS, words.ODD_METHODS, ODDITY), 32, 'X') +
    space(random) +
    targetText(random, limits) +
    space(random) +
    random.mostly(words.VERSIONS, words.ODD_VERSIONS, ODDITY);
  return finish(random, limits, line, [...hostLines(random), ...fieldTexts(random, limits), ...more(random)]);
}

export function responseText(random: Random, limits: Limits): string {
  const line =
    random.mostly(words.VERSIONS, words.ODD_VERSIONS, ODDITY) +
    space(random) +
    random.mostly(words.STATUSES, words.ODD_STATUSES, ODDITY) +
    random.mostly(words.REASONS, words.ODD_REASONS, ODDITY);
  return finish(random, limits, line, fieldTexts(random, limits));
}

export function chunkedText(random: Random, limits: Limits): string {
  let text = '';
  for (let count = random.below(5); count > 0; count--) text += chunk(random);
  text += random.mostly(['0', '0', '000'], words.ODD_SIZES, ODDITY) + extension(random) + lineEnd(random);
  if (random.chance(0.7)) return text + lineEnd(random);
  const trailers = random.chance(0.5) ? ['X-Sum: 7'] : fieldTexts(random, limits);
  return lines(random, padded(random, limits, trailers), text);
}

/** Data of the size it says, or nearly. */
function chunk(random: Random): string {
  const size = random.mostly(words.SIZES, words.ODD_SIZES, ODDITY);
  const length = (Number.parseInt(size, 16) || 0) + random.mostly([0], [-1, 1, 2], ODDITY);
  let data = '';
  for (let count = Math.min(length, 64); count > 0; count--) data += String.fromCharCode(random.byte());
  return size + extension(random) + lineEnd(random) + data + lineEnd(random);
}

function extension(random: Random): string {
  return random.mostly(words.EXTENSIONS, words.ODD_EXTENSIONS, ODDITY);
}

function space(random: Random): string {
  return random.mostly([' '], ['  ', '\t', '', '\r\n', '\x0b', '\xa0', '+'], ODDITY / 3);
}

function lineEnd(random: Random): string {
  return random.mostly(words.LINE_ENDS, words.ODD_LINE_ENDS, ODDITY / 4);
}

function targetText(random: Random, limits: Limits): string {
  const target = random.mostly(words.TARGETS, words.ODD_TARGETS, ODDITY * 2);
  return oversized(random, target, limits.uriBytes, 'p');
}

/** Filled up to just about a limit. */
function oversized(random: Random, text: string, limit: number, filler: string): string {
  return random.chance(0.02) ? text.padEnd(limit - 1 + random.below(3), filler) : text;
}

function hostLines(random: Random): string[] {
  const count = random.mostly([1], [0, 2], ODDITY);
  return Array.from({ length: count }, () => {
    return `${recased(random, 'Host')}:${blank(random)}${random.mostly(words.HOSTS, words.ODD_HOSTS, ODDITY * 2)}`;
  });
}

function more(random: Random): string[] {
  if (random.chance(0.9)) return [];
  return [
    `Expect: ${random.mostly(words.EXPECTATIONS, words.ODD_EXPECTATIONS, 0.3)}`,
    ...(random.chance(0.2) ? ['Expect: 100-continue'] : []),
  ];
}

function fieldTexts(random: Random, limits: Limits): string[] {
  const lines: string[] = [];
  for (let count = random.below(5); count > 0; count--) lines.push(random.pick(words.PLAIN_FIELDS));
  if (random.chance(0.3)) lines.push(field(random, 'Content-Length', words.LENGTHS, words.ODD_LENGTHS));
  if (random.chance(0.25)) lines.push(field(random, 'Transfer-Encoding', words.CODINGS, words.ODD_CODINGS));
  if (random.chance(0.25)) lines.push(field(random, 'Connection', words.OPTIONS, words.ODD_OPTIONS));
  if (random.chance(0.1)) {
    lines.push('Connection: upgrade', field(random, 'Upgrade', words.UPGRADES, words.ODD_UPGRADES));
  }
  if (random.chance(0.05)) lines.push(random.pick(words.ODD_LINES));
  if (random.chance(0.05) && lines.length > 0) lines.push(random.pick(lines));
  if (random.chance(0.02)) {
    const count = limits.fields - lines.length - random.below(3);
    for (let at = 0; at < count; at++) lines.push(`X${at}: ${at}`);
  }
  return random.chance(0.3) ? shuffled(random, lines) : lines;
}

function field(random: Random, name: string, usual: readonly string[], odd: readonly string[]): string {
  return `${recased(random, name)}:${blank(random)}${random.mostly(usual, odd, ODDITY * 3)}${blank(random)}`;
}

function blank(random: Random): string {
  return random.mostly([' '], ['', '  ', '\t', ' \t ', '\x0b'], ODDITY);
}

function recased(random: Random, name: string): string {
  if (random.chance(0.8)) return name;
  return random.chance(0.5) ? name.toLowerCase() : name.toUpperCase();
}

function shuffled(random: Random, list: readonly string[]): string[] {
  const rest = [...list];
  return list.map(() => rest.splice(random.below(rest.length), 1)[0]!);
}

function finish(random: Random, limits: Limits, line: string, fields: readonly string[]): string {
  return lines(random, padded(random, limits, fields, line.length + 2), `${line}${lineEnd(random)}`);
}

/** A long field that brings the head to just about its limit. */
function padded(random: Random, limits: Limits, fields: readonly string[], before = 0): readonly string[] {
  if (!random.chance(0.03)) return fields;
  const taken = fields.reduce((sum, text) => sum + text.length + 2, before) + 2;
  const missing = limits.headBytes - taken - 'X-Pad: \r\n'.length - 1 + random.below(3);
  return missing < 0 ? fields : [...fields, `X-Pad: ${'p'.repeat(missing)}`];
}

function lines(random: Random, fields: readonly string[], start: string): string {
  let text = start;
  for (const line of fields) text += line + lineEnd(random);
  return text + lineEnd(random);
}
