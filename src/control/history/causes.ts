import type { CheckFact, Instance } from '../../../router/model.ts';
import type { Cause, Lines } from './entry.ts';

const MAX_PHRASES = 5;
const MAX_CHARS = 1_500;
const MAX_OUTPUT_CHARS = 300;

type ServiceNews = Extract<Cause, { kind: 'service' }>;
type CheckOutput = (check: string) => string | null;

/** The causes of one change in words, the first few of them. */
export function describeCauses(causes: readonly Cause[], outputOf: CheckOutput): string {
  const saved = causes.filter(
    ({ kind, how }: { kind: string; how?: string }) => kind === 'service' && how === 'saved',
  );
  const phrases =
    saved.length === 0 ? [] : [`the saved catalog was loaded: ${plural(saved.length, 'service')}`];
  let more = 0;
  for (const cause of causes) {
    if (cause.kind === 'service' && cause.how === 'saved') continue;
    // Thousands of services may come at once: only as many are looked at as are told.
    if (phrases.length < MAX_PHRASES) phrases.push(...phrasesOf(cause, outputOf));
    else more++;
  }
  more += Math.max(0, phrases.length - MAX_PHRASES);
  const told = phrases.slice(0, MAX_PHRASES).join('; ') || 'the router started';
  return more === 0 ? clip(told, MAX_CHARS) : `${clip(told, MAX_CHARS)}; and ${more} more`;
}

function phrasesOf(cause: Cause, outputOf: CheckOutput): string[] {
  switch (cause.kind) {
    case 'service':
      return serviceWords(cause);
    case 'forgotten':
      return [`${cause.service}, which had left the catalog, was forgotten`];
    case 'lines':
      return lineWords(cause.before, cause.after);
    case 'config':
      return ['the configuration was reloaded'];
    case 'check':
      return [checkedWords(cause.check, cause.isUp, outputOf(cause.check))];
  }
}

/** `endpoint path interval`: see `ActiveCheck`. */
function checkedWords(check: string, isUp: boolean, output: string | null): string {
  const [endpoint = '', path = ''] = check.split(' ');
  const words = `the router's own check ${path} of ${endpoint} ${isUp ? 'passes again' : 'fails'}`;
  return output === null || isUp ? words : `${words}: ${shorten(output)}`;
}

const BEGINNINGS: Partial<Record<ServiceNews['how'], string>> = {
  held: 'held in part: ',
  'taken-back': 'a loss was taken back: ',
  released: 'a held loss was applied: ',
};

function serviceWords({ service, before, after, how }: ServiceNews): string[] {
  const beginning = BEGINNINGS[how] ?? '';
  if (before.length === 0) return [`${beginning}${service} came with ${plural(after.length, 'instance')}`];
  if (after.length === 0) return [`${beginning}${service} left the catalog`];
  const old = new Map(before.map((instance) => [instance.id, instance]));
  const words: string[] = [];
  for (const instance of after) {
    const was = old.get(instance.id);
    old.delete(instance.id);
    if (was === undefined) words.push(`${instance.id} of ${service} was registered`);
    else if (was !== instance) words.push(...instanceWords(was, instance));
  }
  for (const id of old.keys()) words.push(`${id} of ${service} was deregistered`);
  return (words.length === 0 ? [`${service} changed`] : words).map((each) => beginning + each);
}

function instanceWords(was: Instance, now: Instance): string[] {
  const words = checkWords(was, now);
  if (was.address !== now.address || was.port !== now.port)
    words.push(`${now.id} moved to ${now.address}:${now.port}`);
  const tags = tagWords(was.tags, now.tags);
  if (tags !== '') words.push(`tags of ${now.id} changed: ${tags}`);
  if (JSON.stringify(was.weights) !== JSON.stringify(now.weights))
    words.push(
      `weights of ${now.id} changed to ${now.weights.passing} and ${now.weights.warning} in warning`,
    );
  if (words.length === 0 && was.createIndex !== now.createIndex) words.push(`${now.id} was registered anew`);
  return words;
}

function checkWords(was: Instance, now: Instance): string[] {
  const old = new Map(was.checks.map((check) => [check.id, check]));
  const words: string[] = [];
  for (const check of now.checks) {
    const before = old.get(check.id);
    old.delete(check.id);
    if (before?.status === check.status) continue;
    const name = `check ${nameOf(check)} of ${now.id}`;
    const said = check.status === 'passing' || check.output === '' ? '' : `: ${shorten(check.output)}`;
    if (check.status === 'maintenance') words.push(`${now.id} went into maintenance${said}`);
    else if (before !== undefined) words.push(`${name} went from ${before.status} to ${check.status}${said}`);
    else if (check.status !== 'passing') words.push(`${name} is new and ${check.status}${said}`);
  }
  for (const check of old.values()) {
    if (check.status === 'maintenance') words.push(`${now.id} came back from maintenance`);
    else if (check.status !== 'passing')
      words.push(`check ${nameOf(check)} of ${now.id}, ${check.status}, was removed`);
  }
  return words;
}

function tagWords(was: readonly string[], now: readonly string[]): string {
  const added = now.filter((tag) => !was.includes(tag)).map((tag) => `+${tag}`);
  const removed = was.filter((tag) => !now.includes(tag)).map((tag) => `-${tag}`);
  return shorten([...removed, ...added].join(' '));
}

function lineWords(before: Lines, after: Lines): string[] {
  const old = new Map(before);
  const words: string[] = [];
  for (const [key, text] of after) {
    const was = old.get(key);
    old.delete(key);
    if (was === undefined) words.push(`KV ${key} was written`);
    else if (was !== text) words.push(`KV ${key} changed: ${tagWords(linesOf(was), linesOf(text))}`);
  }
  for (const key of old.keys()) words.push(`KV ${key} was deleted`);
  return words;
}

function linesOf(text: string): string[] {
  return text.split('\n').map((line) => line.trim());
}

export function nameOf({ id, name }: CheckFact): string {
  return name || id;
}

/** One line of an output that may be a page. */
export function shorten(output: string): string {
  return clip(output.trim().replace(/\s+/g, ' '), MAX_OUTPUT_CHARS);
}

function clip(text: string, maxChars: number): string {
  return text.length > maxChars ? `${text.slice(0, maxChars)}…` : text;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
