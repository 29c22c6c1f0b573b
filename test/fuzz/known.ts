import type { Disagreement } from './compare.ts';

/**
 * Where the router does not do what the reference says, and neither harms. An entry that is no longer met can go. Each
 * covers as little as it can: one property, for one reason.
 */
export interface Known {
  readonly name: string;
  readonly reason: string;
  readonly covers: (disagreement: Disagreement) => boolean;
}

export const KNOWN: readonly Known[] = [
  {
    name: 'del-in-chunk-extension',
    reason: 'RFC 9112 §7.1.1 has no DEL in an extension; it is taken, and no extension is ever passed on',
    covers: (found) => refusedBy(found) === 'chunk-extension-delete',
  },
  {
    name: 'nbsp-around-connection-option',
    reason: 'RFC 9110 §5.6.3 trims SP and HTAB; 0xA0 is trimmed too, so close<A0> closes',
    covers: (found) => {
      const isOption = found.what.split(' ').every((key) => OF_CONNECTION.has(key));
      return isOption && /\xa0/.test(valueIn(found, 'connection'));
    },
  },
  {
    name: 'malformed-upgrade',
    reason: 'RFC 9110 §7.8 wants a list of protocols; other text is passed on as it is',
    covers: (found) => {
      const isPassed = found.what === 'upgrade' && hasNull(found, 'reference', 'upgrade');
      return isPassed && !hasBody(found) && isMalformedList(valueIn(found, 'upgrade'));
    },
  },
  {
    name: 'h2c-within-a-name',
    reason: 'x-h2c is another protocol than h2c; it is not passed on either',
    covers: (found) => {
      const isDropped = found.what === 'upgrade' && hasNull(found, 'ours', 'upgrade');
      return isDropped && /\bh2c?\b/i.test(valueIn(found, 'upgrade'));
    },
  },
  {
    name: 'options-for-a-server',
    reason: 'RFC 9112 §3.2.4: OPTIONS http://host stands for OPTIONS *; it is taken for OPTIONS /',
    covers: (found) => {
      const { outcome } = found.reference;
      return found.what === 'target' && outcome.kind === 'request' && outcome.target === '*';
    },
  },
  {
    name: 'chunked-twice',
    reason: 'RFC 9112 §6.1 forbids it, so 400; it is refused with 501',
    covers: (found) => found.what === 'status' && refusedBy(found) === 'coding',
  },
  {
    name: 'expectations-in-1.0',
    reason: 'RFC 9110 §10.1.1: ignored in HTTP/1.0; several are refused with 417',
    covers: (found) => {
      const { outcome } = found.reference;
      return faultOf(found) === 'bad_expect' && outcome.kind === 'request' && outcome.minor === 0;
    },
  },
];

const OF_CONNECTION: ReadonlySet<string> = new Set(['keepAlive', 'upgrade', 'isUpgrade']);

/** `name` or `name/version`; blanks and empty elements are the list's own. */
const PROTOCOL = /^[ \t]*([\w!#$%&'*+.^`|~-]+(\/[\w!#$%&'*+.^`|~-]+)?)?[ \t]*$/;

function isMalformedList(value: string): boolean {
  return /^[ \t,]*$/.test(value) || !value.split(',').every((element) => PROTOCOL.test(element));
}

function refusedBy({ reference: { outcome } }: Disagreement): string {
  return outcome.kind === 'refused' ? outcome.rule : '';
}

function faultOf({ ours }: Disagreement): string {
  return !(ours instanceof Error) && ours.outcome.kind === 'refused' ? ours.outcome.fault : '';
}

/** All values of a field, as the reference sees them. */
function valueIn({ reference: { outcome } }: Disagreement, name: string): string {
  if (outcome.kind !== 'request' && outcome.kind !== 'response') return '';
  return outcome.fields
    .filter((_, at) => outcome.fields[at - 1]?.toLowerCase() === name && at % 2 === 1)
    .join();
}

function hasNull(found: Disagreement, side: 'ours' | 'reference', key: 'upgrade'): boolean {
  const result = found[side];
  if (result instanceof Error || result.outcome.kind !== 'request') return false;
  return result.outcome[key] === null;
}

function hasBody({ reference: { outcome } }: Disagreement): boolean {
  return outcome.kind === 'request' && outcome.framing.kind !== 'none';
}
