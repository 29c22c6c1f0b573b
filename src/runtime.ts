/**
 * The oldest runtime that works. Checked before anything else is loaded, so this file and `main.ts` use
 * nothing that an older runtime cannot parse once the types are gone.
 */
export const oldestRuntime = '24.18.0';

/** Why a Node version cannot run fairlead, in one line, or null when it can. */
export function refuseRuntime(version: string): string | null {
  const [major, minor] = numbers(version);
  const [leastMajor, leastMinor] = numbers(oldestRuntime);
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return null;
  return `fairlead needs Node.js ${leastMajor}.${leastMinor} or later, this is ${version}`;
}

function numbers(version: string): [number, number] {
  const match = /^v?(\d+)\.(\d+)/.exec(version);
  return match === null ? [0, 0] : [Number(match[1]), Number(match[2])];
}
