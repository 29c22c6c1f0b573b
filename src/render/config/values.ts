import { constants } from 'node:os';
import * as z from 'zod';
import { didYouMean } from '../../config/suggest.ts';
import { accept, type Parsed, quote, refuse } from '../../config/units.ts';
import { value } from '../../config/values.ts';
import type { CommandLine } from './model.ts';

/** The kinds of values of consul-template's configuration, with the leniency of its decoder. */

/** Numbers and booleans stand for their text; nothing in it may break a line or a log. */
export const text = value((input): Parsed<string> => {
  const parsed = parseText(input);
  if (parsed.ok && /[\u0000-\u001f\u007f]/.test(parsed.value)) return refuse('holds a control character');
  return parsed;
});

/** Text of any form, such as a template within the configuration. */
export const anyText = value(parseText);

function parseText(input: unknown): Parsed<string> {
  if (typeof input === 'object' || input === undefined) return refuse('must be text');
  return accept(String(input));
}

/** A list, or a text with commas as consul-template takes it. */
export const texts = value((input): Parsed<readonly string[]> => {
  const items: unknown = typeof input === 'string' ? input.split(',') : input;
  if (!Array.isArray(items)) return refuse('must be a list of texts');
  const parsed = items.map(parseText);
  const bad = parsed.find((each) => !each.ok);
  if (bad !== undefined && !bad.ok) return bad;
  return accept(parsed.flatMap((each) => (each.ok ? [each.value] : [])).filter((each) => each !== ''));
});

/**
 * A text with a blank goes to a shell, a single word or a list is run directly; empty means no command. Unlike
 * consul-template we do not split a text on commas.
 */
export const command = value((input): Parsed<CommandLine | null> => {
  if (Array.isArray(input)) {
    if (!input.every((part) => typeof part === 'string')) return refuse('must be text or a list of texts');
    const [only, ...others] = input as string[];
    return others.length === 0 ? accept(commandOf(only ?? '')) : accept({ kind: 'program', argv: input });
  }
  return typeof input === 'string' ? accept(commandOf(input)) : refuse('must be text or a list of texts');
});

export function commandOf(given: string): CommandLine | null {
  const line = given.trim();
  if (line.includes('\0') || line === '') return null;
  return /\s/.test(line) ? { kind: 'shell', text: line } : { kind: 'program', argv: [line] };
}

/** A file mode: text is octal, a number has been read by the rules of the file (`0644` is octal there). */
export const mode = value((input): Parsed<number> => {
  const number = typeof input === 'string' && /^[0-7]{1,5}$/.test(input) ? Number.parseInt(input, 8) : input;
  if (typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= 0o7777)
    return accept(number);
  return refuse(`${quote(input)} is not a file mode: write 0644`);
});

/** `SIGHUP`, `hup`; an empty text or `SIGNULL` means no signal. */
export const signal = value((input): Parsed<NodeJS.Signals | null> => parseSignal(input));

const signals = Object.keys(constants.signals);

function parseSignal(input: unknown): Parsed<NodeJS.Signals | null> {
  if (typeof input !== 'string') return refuse('must be the name of a signal');
  const upper = input.trim().toUpperCase();
  if (upper === '' || upper === 'SIGNULL') return accept(null);
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  if (signals.includes(name)) return accept(name as NodeJS.Signals);
  return refuse(`${quote(input)} is not a signal${didYouMean(name, signals)}`);
}

const levels = new Map([
  ['trace', 'trace'],
  ['debug', 'debug'],
  ['info', 'info'],
  ['warn', 'warn'],
  ['warning', 'warn'],
  ['err', 'error'],
  ['error', 'error'],
] as const);

/** consul-template's levels, in any case. */
export const level = value((input): Parsed<'trace' | 'debug' | 'info' | 'warn' | 'error'> => {
  const found = levels.get(String(input).toLowerCase() as 'info');
  if (found !== undefined) return accept(found);
  return refuse(`${quote(input)} is not one of trace, debug, info, warn, err`);
});

/** Services and how many instances each needs, as a group or as texts `web=2`. */
export const minInstances = value((input): Parsed<ReadonlyMap<string, number>> => {
  const entries = Array.isArray(input)
    ? input.map((item) => /^(.*)=([^=]*)$/.exec(String(item))?.slice(1) ?? [String(item), ''])
    : Object.entries((input ?? {}) as object);
  const found = new Map<string, number>();
  for (const [service = '', count] of entries) {
    if (service === '' || !/^\d{1,6}$/.test(String(count)))
      return refuse(`${quote(`${service}=${String(count)}`)}: write SERVICE=N, such as web=2`);
    found.set(service, Number(count));
  }
  return accept(found);
});

/** A list whose other form is a single one of its items. */
export function listOf<T extends z.ZodType>(item: T) {
  return z.preprocess((input) => (Array.isArray(input) ? input : [input]), z.array(item));
}
