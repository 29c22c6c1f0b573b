import { resolve } from 'node:path';
import { formatAddress, isLoopback } from '../../config/addresses.ts';
import type { AdminConfig } from '../../config/config.ts';
import type { Findings } from '../../config/problem.ts';
import type { Layer } from './layer.ts';
import { placeOf } from './merge.ts';
import { readTokenFile } from './token.ts';

export interface AdminInput {
  readonly given: Layer['given'];
  readonly layers: readonly Layer[];
  readonly cwd: string;
}

/** Off unless asked for: a sidecar that opened the router's port by itself would be in its way. */
export function resolveAdmin({ given, layers, cwd }: AdminInput, findings: Findings): AdminConfig | null {
  const { admin } = given;
  if (admin === undefined) return null;
  const { address } = admin;
  if (address === undefined) {
    findings.problems.push({ at: placeOf(layers, 'admin'), message: 'admin: "address" is missing' });
    return null;
  }
  const file = admin.token_file;
  const read = file
    ? readTokenFile(resolve(cwd, file), placeOf(layers, 'admin', 'token_file'), findings)
    : null;
  const token = read === null ? (admin.token ?? null) : read.token;
  if (token === null && read === null && !isLoopback(address))
    findings.problems.push({
      at: placeOf(layers, 'admin', 'address'),
      message: `admin.address: ${formatAddress(address)} can be reached from other machines and needs admin.token or admin.token_file`,
    });
  return { address, token };
}
