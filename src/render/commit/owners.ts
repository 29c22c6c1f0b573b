import { readFileSync } from 'node:fs';

/** The number of a user or group: a number is one, a name is looked up in the system's file; null is unknown. */
export function idOf(kind: 'user' | 'group', name: string): number | null {
  if (/^\d{1,10}$/.test(name)) return Number(name);
  // The runtime cannot ask the name service; local accounts are what configuration files belong to.
  const lines = readFileSync(kind === 'user' ? '/etc/passwd' : '/etc/group', 'utf8').split('\n');
  const fields = lines.map((line) => line.split(':')).find(([first]) => first === name);
  return fields === undefined ? null : Number(fields[2]);
}
