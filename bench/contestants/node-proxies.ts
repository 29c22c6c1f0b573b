/** The proxy packages of npm: each in a `node:http` server of one process, with a kept-alive agent and a log line. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../test/support/ports.ts';
import { launch } from '../machine/launch.ts';
import { packageVersion } from '../machine/programs.ts';
import { scratch } from '../machine/scratch.ts';
import { asProxy, type Contestant, type Site } from './contestant.ts';

export const nodePackages = ['http-proxy', 'http-proxy-3', 'httpxy'] as const;
export type NodePackage = (typeof nodePackages)[number];

const server = fileURLToPath(new URL('./node-proxy-server.ts', import.meta.url));

export const nodeProxies: readonly Contestant[] = nodePackages.map((name) => ({
  name,
  version: async () => packageVersion(name),
  start: (site) => start(name, site),
}));

async function start(name: NodePackage, site: Site) {
  const port = await freePort();
  const args = [server, name, String(port), String(site.backendPort), ...site.hosts];
  const stdout = join(scratch(name), 'access.log');
  const env = { NODE_NO_WARNINGS: '1', NODE_ENV: 'production' };
  const child = await launch(process.execPath, args, { core: site.core, stdout, env });
  return asProxy(child, { http: port, stream: null, https: null });
}
