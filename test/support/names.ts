import dns from 'node:dns';
import { isIP } from 'node:net';
import { vi } from 'vitest';

/** Lets a name have these addresses, in this order, for the rest of a test file. */
export function resolving(name: string, addresses: readonly string[]): void {
  const usual = dns.lookup;
  const all = addresses.map((address) => ({ address, family: isIP(address) }));
  const lookup = (asked: string, options: object, done: (...answer: unknown[]) => void): void => {
    if (asked === name) process.nextTick(done, null, all);
    else usual(asked, options, done);
  };
  vi.spyOn(dns, 'lookup').mockImplementation(lookup as unknown as typeof dns.lookup);
}
