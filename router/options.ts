/** The vocabulary of native rules: what may follow the target, and what each option sets. */

import { parseNetwork } from './cidr.ts';
import { type CheckOption, excerpt, nearest, quote, type Read, read, refused, type Weight } from './claim.ts';
import { normaliseHost } from './hosts.ts';
import type { Balance, RouteOptions, UpstreamProtocol } from './model.ts';
import { cutTrailingSlash, normalisePath, parseRedirect } from './target.ts';

const MAX_OPTIONS = 64;
const MAX_WEIGHT = 65_535;
const MAX_PRIORITY = 1_000_000_000;
const MAX_RETRY = 10;
const MAX_MAXCONN = 65_535;
const MAX_TIMEOUT_MS = 24 * 60 * 60 * 1000;
const CHECK_INTERVAL_MS = { least: 500, usual: 5_000, most: 10 * 60 * 1000 };
const DEFAULT_COOKIE = 'fairlead';

/** RFC 9110 §5.6.2; header, cookie and method names are tokens. */
const TOKEN = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,128}$/;
const LISTENER = /^[A-Za-z0-9_.-]{1,64}$/;
const STANDARD_METHODS = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'TRACE',
  'CONNECT',
]);

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What the options of one rule say together. */
export interface OptionSet {
  isExact: boolean;
  methods: string[];
  listeners: string[];
  priority: number;
  protocol: UpstreamProtocol;
  balance: Balance | null;
  maxconn: number | null;
  weight: Weight;
  check: CheckOption | null;
  readonly route: Mutable<RouteOptions>;
}

interface Option {
  /** Whether a value is wanted: never, always, or as one likes. */
  readonly value: 'none' | 'needed' | 'optional';
  /** Values separated by commas; repeating the option adds to them. */
  readonly isList?: boolean;
  /** Stores one value (empty when there is none), or says what is wrong with it. */
  readonly set: (into: OptionSet, value: string, path: string) => string | null;
}

const OPTIONS: ReadonlyMap<string, Option> = new Map<string, Option>([
  ['strip', { value: 'optional', set: (into, value, path) => setPath(into, 'strip', value || path) }],
  ['prefix', { value: 'needed', set: (into, value) => setPath(into, 'prefix', value) }],
  ['host', { value: 'needed', set: setUpstreamHost }],
  ['proto', { value: 'needed', set: setProtocol }],
  ['weight', { value: 'needed', set: setWeight }],
  ['priority', { value: 'needed', set: setPriority }],
  ['listener', { value: 'needed', isList: true, set: addListener }],
  ['exact', { value: 'none', set: setExact }],
  ['methods', { value: 'needed', isList: true, set: addMethod }],
  ['balance', { value: 'needed', set: setBalance }],
  ['sticky', { value: 'optional', set: setSticky }],
  ['redirect', { value: 'needed', set: setRedirect }],
  ['https', { value: 'needed', set: setHttps }],
  ['allow', { value: 'needed', isList: true, set: (into, value) => addNetwork(into, 'allow', value) }],
  ['deny', { value: 'needed', isList: true, set: (into, value) => addNetwork(into, 'deny', value) }],
  ['insecure', { value: 'none', set: setInsecure }],
  ['servername', { value: 'needed', set: setServerName }],
  ['timeout', { value: 'needed', set: setResponseTimeout }],
  ['retry', { value: 'needed', set: setRetry }],
  ['maxconn', { value: 'needed', set: setMaxconn }],
  ['check', { value: 'needed', set: setCheck }],
  ['proxy', { value: 'needed', set: setProxy }],
  ['tls', { value: 'needed', set: setTls }],
  ['departure', { value: 'needed', set: setDeparture }],
]);

const NOT_YET_SERVED = ['auth', 'use'];

/** Reads the words after the target. `path` is the route's own, which a bare `strip` refers to. */
export function readOptions(words: readonly string[], path: string): Read<OptionSet> {
  if (words.length > MAX_OPTIONS)
    return refused(`it has ${words.length} options; the limit is ${MAX_OPTIONS}`);
  const into = emptyOptions();
  const seen = new Map<string, string>();
  for (const word of words) {
    const equals = word.indexOf('=');
    const name = equals === -1 ? word : word.slice(0, equals);
    const option = OPTIONS.get(name);
    if (option === undefined) return refused(unknownOption(name));
    const value = equals === -1 ? null : word.slice(equals + 1);
    const problem = shapeProblem(name, option, value) ?? repeatProblem(option, name, word, seen);
    if (problem !== null) return refused(problem);
    for (const item of option.isList ? value!.split(',') : [value ?? '']) {
      const wrong = option.set(into, item, path);
      if (wrong !== null) return refused(`${excerpt(`${name}=${item}`)}: ${wrong}`);
    }
  }
  return read(into);
}

function emptyOptions(): OptionSet {
  return {
    isExact: false,
    methods: [],
    listeners: [],
    priority: 0,
    protocol: 'http',
    balance: null,
    maxconn: null,
    weight: { kind: 'none' },
    check: null,
    route: {},
  };
}

function unknownOption(name: string): string {
  if (NOT_YET_SERVED.includes(name)) return `option ${name} is not served by this version`;
  if (name === 'prepend') return 'unknown option "prepend"; did you mean prefix?';
  const near = nearest(name.toLowerCase(), OPTIONS.keys());
  return `unknown option ${quote(name)}${near === null ? '' : `; did you mean ${near}?`}`;
}

function shapeProblem(name: string, option: Option, value: string | null): string | null {
  if (option.value === 'none' && value !== null) return `option ${name} takes no value`;
  if (value === '' || (value === null && option.value === 'needed')) return `option ${name} needs a value`;
  return null;
}

function repeatProblem(option: Option, name: string, word: string, seen: Map<string, string>): string | null {
  const before = seen.get(name);
  seen.set(name, word);
  if (option.isList || before === undefined || before === word) return null;
  return `option ${name} is given twice, as ${quote(before)} and as ${quote(word)}`;
}

function setPath(into: OptionSet, option: 'strip' | 'prefix', value: string): string | null {
  const path = normalisePath(value);
  if (!path.ok) return path.reason;
  if (path.value !== '/') into.route[option] = cutTrailingSlash(path.value);
  return null;
}

function setUpstreamHost(into: OptionSet, value: string): string | null {
  if (value === 'keep') return null;
  const host = parseUpstreamHost(value, 'instance');
  if (!host.ok) return host.reason;
  into.route.host = host.value;
  return null;
}

/** The Host header for the upstream: a name, or the dialect's word for the instance's own address. */
export function parseUpstreamHost(text: string, instance: string): Read<NonNullable<RouteOptions['host']>> {
  if (text === instance) return read({ kind: 'instance' });
  const name = normaliseHost(text);
  if (!name.ok) return name;
  if (name.value.startsWith('*')) return refused(`host ${quote(text)} is a wildcard; send a name`);
  return read({ kind: 'name', name: name.value });
}

function setProtocol(into: OptionSet, value: string): string | null {
  if (value !== 'http' && value !== 'https' && value !== 'h2' && value !== 'h2c')
    return 'must be http, https, h2 or h2c';
  into.protocol = value;
  return null;
}

function setInsecure(into: OptionSet): null {
  into.route.insecure = true;
  return null;
}

function setServerName(into: OptionSet, value: string): string | null {
  const name = normaliseHost(value);
  if (!name.ok) return name.reason;
  if (name.value.startsWith('*')) return 'is a wildcard; write a name';
  into.route.serverName = name.value.replace(/^\[|\]$/g, '');
  return null;
}

function setWeight(into: OptionSet, value: string): string | null {
  const weight = wholeNumber(value, 0, MAX_WEIGHT);
  if (weight === null) return `must be a whole number from 0 to ${MAX_WEIGHT}`;
  into.weight = { kind: 'relative', value: weight };
  return null;
}

function setPriority(into: OptionSet, value: string): string | null {
  const priority = wholeNumber(value, -MAX_PRIORITY, MAX_PRIORITY);
  if (priority === null) return `must be a whole number from -${MAX_PRIORITY} to ${MAX_PRIORITY}`;
  into.priority = priority;
  return null;
}

function setRetry(into: OptionSet, value: string): string | null {
  const retry = wholeNumber(value, 0, MAX_RETRY);
  if (retry === null) return `must be a whole number from 0 to ${MAX_RETRY}`;
  into.route.retry = retry;
  return null;
}

function setMaxconn(into: OptionSet, value: string): string | null {
  into.maxconn = wholeNumber(value, 1, MAX_MAXCONN);
  return into.maxconn === null ? `must be a whole number from 1 to ${MAX_MAXCONN}` : null;
}

function addListener(into: OptionSet, value: string): string | null {
  if (!LISTENER.test(value)) return 'a listener name has letters, digits, "_", "-" and "." only';
  into.listeners.push(value);
  return null;
}

function setExact(into: OptionSet): null {
  into.isExact = true;
  return null;
}

function addMethod(into: OptionSet, value: string): string | null {
  if (!TOKEN.test(value)) return 'not a method name';
  const upper = value.toUpperCase();
  if (value !== upper && STANDARD_METHODS.has(upper)) return `methods are case-sensitive; write ${upper}`;
  into.methods.push(value);
  return null;
}

function setBalance(into: OptionSet, value: string): string | null {
  const balance = parseBalance(value);
  if (balance === null) {
    return 'must be least, rr, random, hash:ip, hash:header:NAME or hash:cookie:NAME';
  }
  into.balance = balance;
  return null;
}

function parseBalance(text: string): Balance | null {
  if (text === 'least' || text === 'rr' || text === 'random') return { kind: text };
  if (text === 'hash:ip') return { kind: 'hash', on: 'ip' };
  const named = /^hash:(header|cookie):(.*)$/.exec(text);
  if (named === null || !TOKEN.test(named[2]!)) return null;
  const on = named[1] === 'header' ? 'header' : 'cookie';
  // Field names are compared without case (RFC 9110 §5.1), cookie names with it (RFC 6265).
  return { kind: 'hash', on, name: on === 'header' ? named[2]!.toLowerCase() : named[2]! };
}

function setSticky(into: OptionSet, value: string): string | null {
  const name = value || DEFAULT_COOKIE;
  if (!TOKEN.test(name)) return 'not a cookie name';
  into.route.sticky = name;
  return null;
}

function setRedirect(into: OptionSet, value: string): string | null {
  const redirect = parseRedirect(value, {
    test: (status) => [301, 302, 303, 307, 308].includes(status),
    names: '301, 302, 303, 307 or 308',
  });
  if (!redirect.ok) return redirect.reason;
  into.route.redirect = redirect.value;
  return null;
}

function setHttps(into: OptionSet, value: string): string | null {
  if (value !== 'redirect' && value !== 'only') return 'must be redirect or only';
  into.route.https = value;
  return null;
}

function setProxy(into: OptionSet, value: string): string | null {
  if (value !== 'v1' && value !== 'v2') return 'must be v1 or v2';
  into.route.proxy = value;
  return null;
}

function setTls(into: OptionSet, value: string): string | null {
  if (value !== 'terminate') return 'must be terminate';
  into.route.tls = value;
  return null;
}

function setDeparture(into: OptionSet, value: string): string | null {
  if (value !== 'drain' && value !== 'close') return 'must be drain or close';
  if (value === 'close') into.route.departure = value;
  return null;
}

function addNetwork(into: OptionSet, list: 'allow' | 'deny', value: string): string | null {
  const network = parseNetwork(value);
  if (!network.ok) return network.reason;
  const before = into.route[list] ?? [];
  if (!before.includes(network.value)) into.route[list] = [...before, network.value];
  return null;
}

function setResponseTimeout(into: OptionSet, value: string): string | null {
  const ms = parseDuration(value);
  if (ms === null) return 'must be a duration with units, like 30s or 1m30s';
  if (ms <= 0 || ms > MAX_TIMEOUT_MS) return 'must be longer than 0 and at most 24h';
  into.route.timeoutMs = Math.max(1, Math.round(ms));
  return null;
}

/** `/path` or `/path,interval`. Path and query go out as they stand, so only what a request line may hold is taken. */
function setCheck(into: OptionSet, value: string): string | null {
  const comma = value.lastIndexOf(',');
  const path = comma === -1 ? value : value.slice(0, comma);
  if (!/^\/[!-~]*$/.test(path) || path.includes('#')) {
    return 'must be a path, in ASCII and without a fragment, and perhaps an interval, like /health,10s';
  }
  const { least, usual, most } = CHECK_INTERVAL_MS;
  const intervalMs = comma === -1 ? usual : parseDuration(value.slice(comma + 1));
  if (intervalMs === null) return 'after the comma stands a duration with units, like 10s';
  if (intervalMs < least || intervalMs > most) return 'the interval must be from 500ms to 10m';
  into.check = { path, intervalMs: Math.round(intervalMs) };
  return null;
}

function wholeNumber(text: string, min: number, max: number): number | null {
  if (!/^-?\d{1,10}$/.test(text)) return null;
  const value = Number(text) + 0;
  return value >= min && value <= max ? value : null;
}

const UNIT_MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, ms: 1, s: 1e3, m: 6e4, h: 3.6e6 };

/** Go's durations, `1m30s` or `1.5h`, in milliseconds. */
function parseDuration(text: string): number | null {
  if (!/^(?:\d{1,15}(?:\.\d{0,15})?(?:ns|us|ms|s|m|h))+$/.test(text)) return null;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)([a-z]+)/g))
    total += Number(amount) * UNIT_MS[unit!]!;
  return total;
}
