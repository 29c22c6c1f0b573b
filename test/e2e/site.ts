/** The real program on free ports, with what a test asks it, and registrations in the words of Consul's agent. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Backend } from '../support/backend.ts';
import type { ConsulAgent } from '../support/consul.ts';
import { type Answer, get, type RequestOptions } from '../support/load.ts';
import { freePorts } from '../support/ports.ts';
import { type Child, eventually, Stop, startFairlead, tail } from '../support/process.ts';

export interface SiteOptions {
  /** Where the catalog is; an address nobody answers at unless given. */
  readonly consul?: string;
  /** Further lines of the configuration file. */
  readonly config?: string;
  readonly flags?: readonly string[];
  readonly env?: Record<string, string>;
  /** A folder to keep over restarts; one of its own, removed at the end, unless given. */
  readonly data?: string;
  /** Wait for readiness (default), or only for the admin listener. */
  readonly until?: 'ready' | 'alive';
  /** Port of the plain listener; a free one unless given. */
  readonly web?: number;
  /** What to run: the router unless told. */
  readonly command?: 'run' | 'dev';
}

export interface Site {
  readonly child: Child;
  readonly web: number;
  readonly admin: number;
  /** Home of this site: its configuration file, and its data unless told otherwise. */
  readonly folder: string;
  readonly configFile: string;
  /** One request of a client, on a connection of its own. */
  get(host: string, options?: RequestOptions): Promise<Answer>;
  ask(path: string, options?: RequestOptions): Promise<Answer>;
  routes(): Promise<RoutesView>;
  pools(): Promise<PoolView[]>;
  ready(): Promise<ReadyView>;
  consul(): Promise<ConsulView>;
  metrics(): Promise<Sample[]>;
  /** The value of the only sample with these labels; 0 when there is none. */
  metric(name: string, labels?: Record<string, string>): Promise<number>;
  /** Answers with the names of the instances that take traffic in this pool. */
  active(pool: string): Promise<string[]>;
  stop(): Promise<void>;
}

/** States of endpoints that get requests. */
export const takesTraffic: ReadonlySet<string> = new Set(['active', 'slow-start']);

export interface RoutesView {
  version: number;
  routes: {
    id: string;
    pool: string | null;
    source: { service: string; text: string; instances: string[] };
    checks?: { instance: string; by: string; state?: string; output?: string | null }[];
  }[];
  refused: { service: string; instance: string; text: string; reason: string }[];
}

export interface PoolView {
  name: string;
  service: string;
  balance: { kind: string };
  endpoints: EndpointView[];
}

export interface EndpointView {
  id: string;
  address: string;
  port: number;
  weight: number;
  state: string;
  inFlight: number;
  served: number;
  failures: number;
  source: string | null;
}

export interface ReadyView {
  status: number;
  ready: boolean;
  reasons: string[];
  catalogAgeMs: number | null;
  consul: string;
  held: string | null;
  version: number;
}

export interface ConsulView {
  state: string;
  mode: string;
  connections: number;
  watches: number;
  ageMs: number | null;
  lastError: string | null;
  held: string | null;
}

export interface Sample {
  readonly name: string;
  readonly labels: Record<string, string>;
  readonly value: number;
}

export async function startSite(options: SiteOptions = {}): Promise<Site> {
  const folder = await temporaryFolder();
  const [free = 0, admin = 0, nobody = 0, secure = 0] = await freePorts(4);
  const { web = free } = options;
  const configFile = join(folder, 'fairlead.yaml');
  // A newcomer's share depends on when its neighbours came; tests of other things count on equal ones.
  await writeFile(configFile, options.config ?? 'balance: { slowStart: 0s }\n');
  const { command = 'run', until = 'ready', env, data = join(folder, 'data') } = options;
  const consul = options.consul ?? `http://127.0.0.1:${nobody}`;
  const addresses = ['--http', `127.0.0.1:${web}`, '--admin', `127.0.0.1:${admin}`, '--consul', consul];
  const child = await startFairlead(
    [
      ...[command, '--config', configFile, ...addresses, '--workers', '2', '--data', data],
      ...(command === 'dev' ? ['--https', `127.0.0.1:${secure}`] : []),
      ...(options.flags ?? []),
    ],
    {
      cwd: folder,
      timeoutMs: 25_000,
      ...(env && { env }),
      ...(until === 'ready' && { admin }),
    },
  );
  const ask: Site['ask'] = (path, request) => get(admin, { host: `127.0.0.1:${admin}`, ...request, path });
  const json = async (path: string): Promise<unknown> => JSON.parse((await ask(path)).body);
  const site: Site = {
    ...{ child, web, admin, folder, configFile, ask },
    get: (host, request) => get(web, { ...request, host }),
    routes: async () => (await json('/api/routes')) as RoutesView,
    pools: async () => ((await json('/api/pools')) as { pools: PoolView[] }).pools,
    consul: async () => (await json('/api/consul')) as ConsulView,
    async ready() {
      const { status, body } = await ask('/ready?verbose');
      return { ...(JSON.parse(body) as ReadyView), status };
    },
    metrics: async () => parseMetrics((await ask('/metrics')).body),
    async metric(name, labels = {}) {
      const found = (await site.metrics()).filter((sample) => sample.name === name && has(sample, labels));
      return found.reduce((sum, { value }) => sum + value, 0);
    },
    async active(name) {
      const pool = (await site.pools()).find((each) => each.name === name);
      const active = pool?.endpoints.filter(({ state }) => takesTraffic.has(state)) ?? [];
      return active.map(({ source }) => source!.slice(source!.indexOf('/') + 1)).sort();
    },
    async stop() {
      if (child.exit === undefined) await child.stop('SIGTERM');
      await rm(folder, { recursive: true, force: true });
    },
  };
  const isAlive = async (): Promise<void> => {
    if (child.exit) throw new Stop(`exited: ${tail(child)}`);
    await ask('/health');
  };
  if (until === 'alive') await eventually(isAlive, { timeoutMs: 15_000, what: 'an admin listener' });
  return site;
}

export function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'fairlead-e2e-'));
}

function has(sample: Sample, labels: Record<string, string>): boolean {
  return Object.entries(labels).every(([name, value]) => sample.labels[name] === value);
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (NaN|[+-]Inf|-?[0-9.]+(?:e[+-]?[0-9]+)?)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;

/** Reads the text format, and throws at the first line that is not in it. */
export function parseMetrics(text: string): Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    if (line === '' || /^# (HELP|TYPE) [a-zA-Z_:][a-zA-Z0-9_:]* ./.test(line)) continue;
    const match = SAMPLE.exec(line);
    if (!match) throw new Error(`not a line of the text format: ${line}`);
    const [, name = '', labels = '', value = ''] = match;
    samples.push({
      name,
      labels: parseLabels(labels, line),
      value: Number(value.replace('Inf', 'Infinity')),
    });
  }
  return samples;
}

function parseLabels(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const match = LABEL.exec(text);
    if (!match) throw new Error(`not a list of labels: ${line}`);
    labels[match[1]!] = match[2]!;
  }
  return labels;
}

export interface Registration {
  readonly name: string;
  /** The service's name unless given. */
  readonly id?: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly weights?: { readonly Passing: number; readonly Warning: number };
  /** Status of the TTL check it is registered with; `passing` unless given. */
  readonly status?: 'passing' | 'warning' | 'critical';
  /** Registers it without any check. */
  readonly unchecked?: boolean;
}

/** Whatever speaks Consul's API. */
export type Registrar = Pick<ConsulAgent, 'api'>;

/** Registers an instance whose only check, unless it has none, is a TTL that tests set with `setCheck`. */
export async function register(consul: Registrar, given: Registration): Promise<void> {
  const { name, id = name, port, tags, weights, status = 'passing', unchecked = false } = given;
  await consul.api('PUT', '/v1/agent/service/register', {
    ...{ ID: id, Name: name, Address: '127.0.0.1', Port: port, Tags: tags },
    ...(weights && { Weights: weights }),
    ...(!unchecked && { Check: { CheckID: `check:${id}`, TTL: '30m', Status: status } }),
  });
}

/** An instance for a backend, under its name. */
export function registerBackend(
  consul: Registrar,
  service: string,
  backend: Backend,
  tags: readonly string[],
  weights?: Registration['weights'],
): Promise<void> {
  const { name: id, port } = backend;
  return register(consul, { name: service, id, port, tags, ...(weights && { weights }) });
}

/** Instances that nobody asks for, so that what a test takes away is never most of the catalog. */
export async function ballast(consul: Registrar): Promise<void> {
  for (let i = 1; i <= 60; i++) {
    await register(consul, {
      name: 'ballast',
      id: `ballast-${i}`,
      port: i,
      tags: ['fairlead:ballast.test/'],
    });
  }
}

export async function deregister(consul: Registrar, id: string): Promise<void> {
  await consul.api('PUT', `/v1/agent/service/deregister/${id}`);
}

export async function setCheck(
  consul: Registrar,
  id: string,
  status: 'passing' | 'warning' | 'critical',
  output = '',
): Promise<void> {
  await consul.api('PUT', `/v1/agent/check/update/check:${id}`, { Status: status, Output: output });
}

/** Milliseconds until the condition holds. */
export async function timeUntil(condition: () => unknown, timeoutMs: number, what: string): Promise<number> {
  const start = performance.now();
  await eventually(condition as () => boolean, { timeoutMs, what });
  return performance.now() - start;
}

/** Figures worth seeing in the output of a run. */
export function note(text: string): void {
  process.stdout.write(`    ${text}\n`);
}
