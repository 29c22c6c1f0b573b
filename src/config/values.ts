import * as z from 'zod';
import { parseNetwork } from '../../router/cidr.ts';
import type { Health } from '../../router/model.ts';
import { parseStaticInstance } from '../../router/static.ts';
import { normalizeCertificateName, normalizeServerName } from '../../tls/server-name.ts';
import type { ChallengeType, KeyType } from './acme.ts';
import { parseAddress, parseBindAddress, parseConsulAddress, parsePortRange } from './addresses.ts';
import type { AccessLogFormat, LogLevel } from './config.ts';
import { didYouMean } from './suggest.ts';
import {
  accept,
  type Parsed,
  parseBoolean,
  parseDuration,
  parseInteger,
  parseSize,
  quote,
  refuse,
} from './units.ts';

/**
 * The kinds of values an operator can write. Each takes plain text as well as YAML's own types, so that
 * the file, the environment and the flags share one grammar.
 */

export function value<T>(parse: (input: unknown) => Parsed<T>) {
  return z.unknown().transform((input, context): T => {
    const parsed = parse(input);
    if (parsed.ok) return parsed.value;
    context.issues.push({ code: 'custom', message: parsed.reason, input });
    return z.NEVER;
  });
}

function fromText<T>(parse: (text: string) => Parsed<T>) {
  return value((input) => single(input, parse));
}

/** A YAML list or a text with commas. Every bad item is reported, at its own place where it has one. */
function list<T>(parse: (text: string) => Parsed<T>) {
  return z.unknown().transform((input, context): readonly T[] => {
    const report = (message: string, path: number[]): void => {
      context.issues.push({ code: 'custom', message, input, path });
    };
    const items: unknown = typeof input === 'string' ? input.split(',') : input;
    if (!Array.isArray(items)) {
      report(input === undefined || input === null ? 'has no value' : 'must be a list', []);
      return z.NEVER;
    }
    const values: T[] = [];
    for (const [index, item] of items.entries()) {
      const parsed = single(item, parse);
      if (parsed.ok) values.push(parsed.value);
      else report(parsed.reason, typeof input === 'string' ? [] : [index]);
    }
    return values;
  });
}

function single<T>(input: unknown, parse: (text: string) => Parsed<T>): Parsed<T> {
  if (input === undefined || input === null || input === '') return refuse('has no value');
  if (typeof input === 'object') return refuse('must be a single value, not a list or a group of keys');
  return parse(String(input).trim());
}

function oneOf<T extends string>(choices: readonly T[]) {
  return (text: string): Parsed<T> => {
    const choice = choices.find((each) => each === text.toLowerCase());
    if (choice !== undefined) return accept(choice);
    return refuse(`${quote(text)} is not one of ${choices.join(', ')}${didYouMean(text, choices)}`);
  };
}

const logLevels: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
const accessLogFormats: readonly AccessLogFormat[] = ['json', 'common', 'combined', 'off'];
/** `maintenance` is missing on purpose: somebody asked for that instance to be left alone. */
const states: readonly Health[] = ['passing', 'warning', 'critical'];

/** Text of any form. A number is refused because YAML has already changed it: `0123` arrives as 123. */
export const text = value((input): Parsed<string> => {
  if (input === undefined || input === null || input === '') return refuse('has no value');
  if (typeof input !== 'string') return refuse('must be text: put it in quotes');
  if (/[\u0000-\u001f\u007f]/.test(input)) return refuse('holds a control character');
  return accept(input);
});

/** Text that is sent in a header; the message never repeats it. */
export const secret = value((input): Parsed<string> => {
  if (typeof input !== 'string') return refuse('must be text: put it in quotes');
  return parseSecret(input);
});

export function parseSecret(input: string): Parsed<string> {
  const trimmed = input.trim();
  if (trimmed === '') return refuse('is empty');
  if (!/^[\x21-\x7e]+$/.test(trimmed)) return refuse('holds characters that cannot be sent in a header');
  return accept(trimmed);
}

export const flag = fromText(parseBoolean);
export const address = fromText(parseAddress);
export const addresses = list(parseAddress);
export const consulAddress = fromText(parseConsulAddress);
export const bindAddress = fromText(parseBindAddress);
export const portRange = fromText(parsePortRange);
export const cidrs = list(parseNetwork);
export const logLevel = fromText(oneOf(logLevels));
export const accessLog = fromText(oneOf(accessLogFormats));
export const clientAuthMode = fromText(oneOf<'required' | 'optional'>(['required', 'optional']));
export const protocol = fromText(oneOf<'http' | 'https'>(['http', 'https']));

/** At least one, in order of preference. */
export const challenges = list(oneOf<ChallengeType>(['http-01', 'tls-alpn-01', 'dns-01'])).refine(
  (chosen) => chosen.length > 0,
  'must name at least one challenge',
);
export const keyType = fromText(oneOf<KeyType>(['ec256', 'ec384', 'rsa2048', 'rsa4096']));
export const acmeStore = fromText(oneOf<'file' | 'consul' | 'redis'>(['file', 'consul', 'redis']));
/** A list of plain texts. */
export const words = list((text) => (text === '' ? refuse('has no value') : accept(text)));

/** At least one state, or nothing would ever take traffic. */
export const health = list(oneOf(states)).refine(
  (chosen) => chosen.length > 0,
  'must name at least one state',
);

export const workers = fromText((input) => {
  const parsed: Parsed<'auto' | number> = input === 'auto' ? accept('auto') : parseInteger(input, 1, 256);
  return parsed.ok ? parsed : refuse(`${parsed.reason}; "auto" takes every core`);
});

/** A server name for TLS; a port behind it is dropped, as the Go client does. */
export const serverName = fromText((input) => accept(input.replace(/:\d+$/, '')));

/** A DNS name as certificates have it, `*.example.com` included. */
export const certificateName = fromText((input) => {
  const name = normalizeCertificateName(input);
  return name === null ? refuse(`${quote(input)} is not a name that a certificate can have`) : accept(name);
});

export function integer(from: number, to: number) {
  return fromText((input) => parseInteger(input, from, to));
}

export function duration(bounds: { readonly min?: string; readonly max?: string } = {}) {
  return fromText((input) => within(parseDuration, input, bounds));
}

export function size(bounds: { readonly min?: string; readonly max?: string } = {}) {
  return fromText((input) => within(parseSize, input, bounds));
}

function within(
  parse: (text: string) => Parsed<number>,
  input: string,
  bounds: { readonly min?: string; readonly max?: string },
): Parsed<number> {
  const parsed = parse(input);
  if (!parsed.ok) return parsed;
  if (bounds.min !== undefined && parsed.value < numberOf(parse(bounds.min))) {
    return refuse(`${quote(input)} is too little: use at least ${bounds.min}`);
  }
  if (bounds.max !== undefined && parsed.value > numberOf(parse(bounds.max))) {
    return refuse(`${quote(input)} is too much: use at most ${bounds.max}`);
  }
  return parsed;
}

function numberOf(parsed: Parsed<number>): number {
  return parsed.ok ? parsed.value : Number.NaN;
}

/** Host names, `*.` in front for all below one. */
export const hosts = list((input) => {
  const name = normalizeServerName(input.startsWith('*.') ? input.slice(2) : input);
  if (name === null) return refuse(`${quote(input)} is not a host name`);
  return accept(input.startsWith('*.') ? `*.${name}` : name);
}).refine((names) => names.length > 0, 'must name at least one host');

/** `address:port` or `address:port weight=N`, kept as text. */
export const endpoints = list((input) => {
  const parsed = parseStaticInstance(input);
  return parsed.ok ? accept(input) : parsed;
});
