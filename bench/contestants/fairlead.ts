/**
 * fairlead: one worker, access log as JSON lines to a file, metrics on (they cannot be off). Its catalog is an embedded
 * registry in our own process, so that it is complete at once; the hosts are static routes.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readVersion } from '../../src/commands/version.ts';
import { startRegistry } from '../../src/embedded/registry.ts';
import { freePorts } from '../../test/support/ports.ts';
import { launch } from '../machine/launch.ts';
import { scratch } from '../machine/scratch.ts';
import { asProxy, type Contestant, type Ports, type RunningProxy, type Site } from './contestant.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const SERVICE = 'app';

export const fairlead: Contestant = {
  name: 'fairlead',
  version: async () => `${readVersion()} on Node ${process.versions.node}`,
  start,
};

async function start(site: Site): Promise<RunningProxy> {
  const folder = scratch('fairlead');
  const [http = 0, stream = 0, https = 0, admin = 0] = await freePorts(4);
  const ports = { http, stream, https: site.certificate && https };
  const registry = await startRegistry();
  registry.register({ ID: SERVICE, Name: SERVICE, Address: '127.0.0.1', Port: site.backendPort });
  const file = join(folder, 'fairlead.json');
  writeFileSync(file, configuration(folder, ports, { admin, consul: registry.url }, site));
  const stdout = join(folder, 'access.log');
  const child = await launch(process.execPath, [main, 'run', '--config', file], { core: site.core, stdout });
  const proxy = await asProxy(child, ports);
  const stop = async (): Promise<void> => {
    await proxy.stop();
    await registry.close();
  };
  return { ...proxy, stop };
}

/** Every host goes to one service, so that many routes share one pool as they do in the peers' configurations. */
function configuration(
  folder: string,
  { http, stream, https }: Ports,
  { admin, consul }: { admin: number; consul: string },
  { hosts, certificate, descriptors }: Site,
): string {
  const web = { web: { address: `127.0.0.1:${http}` } };
  const secured = certificate && {
    listeners: { ...web, websecure: { address: `127.0.0.1:${https}`, protocol: 'https' } },
    tls: { certificates: [{ certFile: certificate.chain, keyFile: certificate.key }] },
  };
  return JSON.stringify({
    consul: { address: consul },
    listeners: web,
    ...secured,
    admin: { address: `127.0.0.1:${admin}` },
    tcp: { address: '127.0.0.1' },
    routes: [`tcp:${stream}`, ...hosts.map((host) => `${host}/`)].map((rule) => ({
      rule,
      service: SERVICE,
    })),
    // Connections stay open between the runs of a work, as the peers keep them.
    timeouts: { idle: '5m', upstreamIdle: '5m' },
    // By itself it would keep a tenth of its descriptors in reserve.
    limits: { connections: Math.floor((descriptors - 200) / 2) },
    workers: 1,
    data: join(folder, 'data'),
    log: { level: 'warn' },
    accessLog: 'json',
  });
}
