import type { Findings } from '../../config/problem.ts';
import type { Layer } from './layer.ts';
import { placeOf } from './merge.ts';

const withoutEffect = {
  syslog: 'has no effect: the log goes to standard error, where the service manager takes it',
  log_file: 'has no effect: the log goes to standard error, where the service manager takes it',
} as const;

const unsupported = {
  vault: 'Vault is not supported: remove this group, and the templates that use secret or pkiCert',
  nomad: 'Nomad is not supported: remove this group, and the templates that use nomadService or nomadVar',
} as const;

/** What consul-template has and we do not: harmless parts are warned about, the others are problems. */
export function judgeLegacy(given: Layer['given'], layers: readonly Layer[], findings: Findings): void {
  for (const [key, message] of Object.entries(withoutEffect)) {
    const group = given[key as keyof typeof withoutEffect];
    if (group === undefined || isOff(group)) continue;
    findings.warnings.push(`${placeOf(layers, key)}: ${key} ${message}`);
  }
  for (const [key, message] of Object.entries(unsupported)) {
    const group = given[key as keyof typeof unsupported];
    if (group === undefined || isOff(group)) continue;
    findings.problems.push({ at: placeOf(layers, key), message });
  }
  if (given.err_on_failed_lookup === true)
    findings.warnings.push(
      `${placeOf(layers, 'err_on_failed_lookup')}: err_on_failed_lookup has no effect: missing data is awaited`,
    );
  if (given.max_stale !== undefined)
    findings.warnings.push(
      `${placeOf(layers, 'max_stale')}: max_stale has no effect: reads are as Consul's default has them`,
    );
}

function isOff(group: Readonly<Record<string, unknown>>): boolean {
  return group.enabled === false || group.enabled === 'false';
}
