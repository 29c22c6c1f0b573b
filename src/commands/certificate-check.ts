import type { Certificate } from '../../tls/certificate.ts';
import { wildcardFor } from '../../tls/server-name.ts';
import type { Config } from '../config/config.ts';
import type { Problem } from '../config/problem.ts';
import { createSource } from '../control/certificates/create-sources.ts';
import { chooseLive } from '../control/certificates/live-set.ts';

const patienceMs = 5000;
const silent = { warn() {}, info() {}, debug() {} };

/** Reads the certificates as the router would: files always, Consul and Redis only `online`. */
export async function checkCertificates(
  config: Pick<Config, 'tls' | 'consul' | 'acme'>,
  cwd: string,
  online: boolean,
): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  const all: Certificate[] = [];
  const asked = config.tls.certificates.filter(({ kind }) => online || !isRemote(kind));
  for (const origin of asked) {
    const source = createSource(origin, config.consul, cwd, {
      log: silent,
      onConsulError() {},
      copies: null,
    });
    const stop = new AbortController();
    const { promise, resolve } = Promise.withResolvers<void>();
    const limit = setTimeout(() => {
      problems.push({ at: origin.at, message: `${source.name}: no answer in time` });
      resolve();
    }, patienceMs);
    const watching = source.watch((set, refused) => {
      if (stop.signal.aborted) return;
      stop.abort();
      all.push(...set);
      for (const each of refused) problems.push({ at: origin.at, message: `${each.source}: ${each.reason}` });
      resolve();
    }, stop.signal);
    await promise;
    clearTimeout(limit);
    stop.abort();
    await watching;
  }
  const { defaultName } = config.tls;
  const live = chooseLive(all, { defaultName, isStrict: config.tls.strict }, Date.now());
  for (const { source, reason } of live.refused) problems.push({ at: null, message: `${source}: ${reason}` });
  for (const { source, notAfterMs } of live.set) {
    if (notAfterMs <= Date.now()) problems.push({ at: null, message: `${source}: has expired` });
  }
  // What ACME will bring is not known here.
  const isWhole =
    config.acme === null && asked.length === config.tls.certificates.length && problems.length === 0;
  if (defaultName !== null && isWhole && !holds(all, defaultName)) {
    problems.push({ at: null, message: `tls.default: no certificate has the name ${defaultName}` });
  }
  return problems;
}

function isRemote(kind: Config['tls']['certificates'][number]['kind']): boolean {
  return kind === 'consul-kv' || kind === 'redis';
}

function holds(all: readonly Certificate[], name: string): boolean {
  return all.some(({ names }) => names.includes(name) || names.includes(wildcardFor(name) ?? ''));
}
