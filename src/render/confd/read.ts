import { readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { explainRead, isMissing } from '../../config/files.ts';
import type { Findings } from '../../config/problem.ts';
import { type Layer, validate } from '../config/layer.ts';
import type { ConfdBackend, TemplateSpec } from '../config/model.ts';
import { resolveResource } from './resource.ts';
import { type MainFile, mainSchema, resourceSchema } from './schema.ts';
import { readToml } from './toml.ts';

export interface Confd {
  readonly templates: readonly TemplateSpec[];
  /** What `confd.toml` says about Consul and the log, in our keys. */
  readonly layer: Layer;
  readonly noop: boolean;
}

const mostResources = 1000;

/** Reads confd's folder: `confd.toml`, `conf.d/**` and the paths of `templates/`. */
export function readConfd(given: string, cwd: string, findings: Findings): Confd {
  const folder = resolve(cwd, given);
  const main = readMain(folder, given, findings);
  const root = main.confdir === undefined ? folder : resolve(folder, main.confdir);
  const backend = resolveBackend(main, join(given, 'confd.toml'), findings);
  const templates = listResources(root, given, findings).flatMap((name) => {
    const read = readToml(join(root, 'conf.d', name), join(given, 'conf.d', name), resourceSchema, findings);
    if (read === null) return [];
    return resolveResource(read, { root, backend, main }, findings);
  });
  return { templates, layer: toLayer(main, join(given, 'confd.toml'), findings), noop: main.noop ?? false };
}

function readMain(folder: string, given: string, findings: Findings): MainFile {
  const path = join(folder, 'confd.toml');
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return {};
  return readToml(path, join(given, 'confd.toml'), mainSchema, findings)?.values ?? {};
}

function listResources(root: string, given: string, findings: Findings): readonly string[] {
  const at = join(given, 'conf.d');
  try {
    const names = readdirSync(join(root, 'conf.d'), { recursive: true, encoding: 'utf8' });
    const found = names.filter((name) => name.endsWith('toml')).toSorted();
    if (found.length === 0) findings.warnings.push(`${at}: holds no template resource (*.toml)`);
    if (found.length > mostResources) throw new Error(`holds more than ${mostResources} files`);
    return found;
  } catch (error) {
    const message = isMissing(error) ? 'there is no such folder' : explainRead(error);
    findings.problems.push({ at, message: `cannot read: ${message}` });
    return [];
  }
}

function resolveBackend(main: MainFile, at: string, findings: Findings): ConfdBackend {
  const name = main.backend ?? 'consul';
  if (name === 'redis') return { kind: 'redis', nodes: main.nodes ?? ['127.0.0.1:6379'] };
  if (name !== 'consul')
    findings.problems.push({ at, message: `the backend "${name}" is not supported: use consul or redis` });
  return { kind: 'consul' };
}

/** Read by the same rules as a file of our own. */
function toLayer(main: MainFile, name: string, findings: Findings): Layer {
  const [node, ...others] = main.backend === 'redis' ? [] : (main.nodes ?? []);
  if (others.length > 0)
    findings.warnings.push(`${name}: only the first of the nodes is used, as confd does`);
  const ssl = {
    ...(main.scheme === 'https' ? { enabled: true } : {}),
    ...(main.client_cert === undefined ? {} : { cert: main.client_cert }),
    ...(main.client_key === undefined ? {} : { key: main.client_key }),
    ...(main.client_cakeys === undefined ? {} : { ca_cert: main.client_cakeys }),
  };
  const values = {
    consul: { ...(node === undefined ? {} : { address: node }), ssl },
    ...(main['log-level'] === undefined ? {} : { log_level: main['log-level'] }),
  };
  const at = (): string => name;
  return validate({ values, at, atKey: at }, findings.problems);
}
