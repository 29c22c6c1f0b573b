import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { probeConsul } from '../commands/consul-probe.ts';
import type { Config, ListenerConfig } from '../config/config.ts';
import { type EmbeddedRegistry, startRegistry } from '../embedded/registry.ts';
import { type RunOptions, runRouter } from './app.ts';
import { isFree } from './ports.ts';

const SAMPLES = ['amber', 'birch', 'coral'] as const;
const SERVICE = 'hello';
const CHECK_INTERVAL = '1s';
const SECURE_HOST = 'app.localhost';
/** Below the data folder, and kept: whoever has trusted it need not do so again. */
const LOCAL_CA = 'local-ca';

interface Sample {
  readonly name: string;
  readonly child: ChildProcess;
  readonly port: number;
  readonly pid: number;
}

/**
 * `fairlead dev`: the router on an embedded catalog with three sample instances, or on the real Consul when one answers at
 * the configured address.
 */
export async function runDev(config: Config, options: RunOptions): Promise<number> {
  const localCa = resolve(config.dataDir, LOCAL_CA);
  const placed = { ...config, listeners: await Promise.all(config.listeners.map(withFreePort)) };
  if ((await probeConsul(config.consul)) === null) {
    say(`A Consul answers at ${config.consul.url}: using it instead of the embedded catalog.\n`);
    return runRouter(placed, {
      ...options,
      localCa,
      onListening: ({ config: bound }) => sayRouter(bound, localCa),
    });
  }
  const registry = await startRegistry(await registryAddress(config));
  const samples = await Promise.all(SAMPLES.map(startSample));
  for (const sample of samples) register(registry, sample);
  // The sample catalog is made anew each time, so nothing of it is kept.
  const dataDir = mkdtempSync(join(tmpdir(), 'fairlead-dev-'));
  const devConfig = withRegistry(placed, registry.url, dataDir);
  return runRouter(devConfig, {
    ...options,
    localCa,
    onListening: ({ config: bound }) => sayEmbedded(bound, localCa, registry, samples),
    onExit: async () => {
      for (const { child } of samples) child.kill('SIGTERM');
      await registry.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  });
}

/** The usual port of TLS is given up where somebody has it: what is printed has the one that was found. */
async function withFreePort(listener: ListenerConfig): Promise<ListenerConfig> {
  const { address, protocol } = listener;
  const isUsual = protocol === 'https' && address.host === '' && address.port === 8443;
  if (!isUsual || (await isFree(address.port))) return listener;
  return { ...listener, address: { ...address, port: 0 } };
}

function withRegistry(config: Config, url: string, dataDir: string): Config {
  return { ...config, consul: { ...config.consul, url, token: null, tokenFile: null }, dataDir };
}

/** The configured address when it is on this machine and free, so that `consul` commands and curl find it there. */
async function registryAddress(config: Config): Promise<{ host: string; port: number }> {
  const { hostname, port } = new URL(config.consul.url);
  const wanted = hostname === '127.0.0.1' || hostname === 'localhost' ? Number(port || 8500) : 0;
  return { host: '127.0.0.1', port: wanted !== 0 && (await isFree(wanted)) ? wanted : 0 };
}

async function startSample(name: string): Promise<Sample> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const file = new URL(`../embedded/sample.${extension}`, import.meta.url).pathname;
  const child = spawn(process.execPath, [file, '--name', name], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
  const { port, pid } = JSON.parse(line) as { port: number; pid: number };
  return { name, child, port, pid };
}

function register(registry: EmbeddedRegistry, { name, port }: Sample): void {
  registry.register({
    ID: `${SERVICE}-${name}`,
    Name: SERVICE,
    Address: '127.0.0.1',
    Port: port,
    Tags: [SECURE_HOST, 'hello.localhost', 'localhost', '127.0.0.1'].map((host) => `fairlead:${host}/`),
    Check: {
      HTTP: `http://127.0.0.1:${port}/health`,
      Interval: CHECK_INTERVAL,
      Timeout: '1s',
      Status: 'passing',
    },
  });
}

function sayEmbedded(
  config: Config,
  localCa: string,
  registry: EmbeddedRegistry,
  samples: readonly Sample[],
): void {
  const web = webUrl(config);
  const { port } = new URL(web);
  const secure = secureUrl(config, SECURE_HOST);
  sayRouter(config, localCa);
  say(`  catalog      ${registry.url}   (embedded; speaks Consul's HTTP API)`);
  for (const { name, port: own, pid } of samples)
    say(`  sample       ${name.padEnd(6)} 127.0.0.1:${own}  pid ${pid}`);
  say(`
Try it:
  curl ${web}                                         # a sample answers; repeat it
${secure === null ? '' : `  curl --cacert ${rootOf(localCa)} ${secure}\n`}  kill ${samples[0]!.pid}                                                # one sample dies, no request fails
  curl -H 'Host: shop.localhost' ${web}               # 404: nobody serves it yet
  curl -X PUT ${registry.url}/v1/agent/service/register \\
    -d '{"Name":"shop","Address":"127.0.0.1","Port":${samples[1]!.port},"Tags":["fairlead:shop.localhost/"]}'
  curl http://shop.localhost:${port}/                           # routed, without a restart
  curl -X PUT ${registry.url}/v1/agent/service/deregister/shop
`);
}

function sayRouter(config: Config, localCa: string): void {
  say('fairlead is running. Ctrl-C ends it.\n');
  say(`  open         ${webUrl(config)}`);
  const secure = secureUrl(config, SECURE_HOST);
  if (secure !== null) {
    say(`  secure       ${secure}`);
    say(`  local CA     ${rootOf(localCa)}   (signs a certificate for every host that is routed)`);
  }
  const { host, port } = config.admin.address;
  say(`  admin        http://${host === '' ? '127.0.0.1' : host}:${port}/api/routes  /api/pools  /metrics`);
}

/** Null where no listener ends TLS. */
function secureUrl({ listeners }: Config, host: string): string | null {
  const listener = listeners.find(({ protocol }) => protocol === 'https');
  return listener === undefined ? null : `https://${host}:${listener.address.port}/`;
}

function rootOf(localCa: string): string {
  return join(localCa, 'root.crt');
}

function webUrl(config: Config): string {
  const { address } = config.listeners.find(({ protocol }) => protocol === 'http') ?? config.listeners[0]!;
  return `http://${address.host === '' || address.host === '0.0.0.0' ? 'localhost' : address.host}:${address.port}/`;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
