/** Caddy: one OS thread for Go code, kept-alive upstream connections, its JSON access log to a file. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../test/support/ports.ts';
import { launch } from '../machine/launch.ts';
import { needProgram, programVersion } from '../machine/programs.ts';
import { scratch } from '../machine/scratch.ts';
import { asProxy, type Contestant, type RunningProxy, type Site } from './contestant.ts';

export const caddy: Contestant = {
  name: 'caddy',
  version: () => programVersion('caddy'),
  start,
};

async function start(site: Site): Promise<RunningProxy> {
  const folder = scratch('caddy');
  const port = await freePort();
  const file = join(folder, 'Caddyfile');
  writeFileSync(file, configuration(folder, port, site));
  const env = { GOMAXPROCS: '1', HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
  const args = ['run', '--config', file, '--adapter', 'caddyfile'];
  const child = await launch(needProgram('caddy'), args, { core: site.core, env });
  return asProxy(child, { http: port, stream: null, https: null });
}

function configuration(folder: string, port: number, site: Site): string {
  return `{
  admin off
  auto_https off
  log default {
    level ERROR
  }
}
${site.hosts.map((host) => `http://${host}:${port}`).join(', ')} {
  bind 127.0.0.1
  log {
    output file ${join(folder, 'access.log')} {
      roll_disabled
    }
  }
  reverse_proxy 127.0.0.1:${site.backendPort} {
    header_up X-Real-IP {remote_host}
    transport http {
      versions 1.1
      compression off
      keepalive 5m
      keepalive_idle_conns_per_host 512
    }
  }
}
`;
}
