/** HAProxy: one thread, upstream connections always reused, an access log line a request to a file. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../../test/support/ports.ts';
import { launch } from '../machine/launch.ts';
import { needProgram, programVersion } from '../machine/programs.ts';
import { scratch } from '../machine/scratch.ts';
import { asProxy, type Contestant, type Ports, type RunningProxy, type Site } from './contestant.ts';

export const haproxy: Contestant = {
  name: 'haproxy',
  version: () => programVersion('haproxy'),
  start,
};

async function start(site: Site): Promise<RunningProxy> {
  const folder = scratch('haproxy');
  const [http = 0, stream = 0, https = 0] = await freePorts(3);
  const ports = { http, stream, https: site.certificate && https };
  const file = join(folder, 'haproxy.cfg');
  const hosts = join(folder, 'hosts.map');
  writeFileSync(hosts, site.hosts.map((host) => `${host} app\n`).join(''));
  writeFileSync(file, configuration(ports, hosts, site));
  const stdout = join(folder, 'access.log');
  const child = await launch(needProgram('haproxy'), ['-db', '-f', file], { core: site.core, stdout });
  return asProxy(child, ports);
}

/** It needs two descriptors for each connection it may hold, and some for itself. */
function maxConnections({ descriptors }: Site): number {
  return Math.floor((descriptors - 200) / 2);
}

function configuration({ http, stream, https }: Ports, hosts: string, site: Site): string {
  const secured =
    site.certificate === null
      ? ''
      : `  bind 127.0.0.1:${https} backlog 4096 ssl crt ${site.certificate.both} alpn h2,http/1.1\n`;
  return `global
  nbthread 1
  maxconn ${maxConnections(site)}
  log stdout format raw local0

defaults
  mode http
  log global
  option httplog
  option http-keep-alive
  http-reuse always
  timeout connect 3s
  timeout client 5m
  timeout server 5m
  timeout http-keep-alive 5m

frontend web
  bind 127.0.0.1:${http} backlog 4096
${secured}  http-request set-header X-Real-IP %[src]
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Forwarded-Port %[dst_port]
  use_backend %[req.hdr(host),field(1,:),lower,map(${hosts})]

backend app
  server one 127.0.0.1:${site.backendPort}

listen stream
  mode tcp
  option tcplog
  bind 127.0.0.1:${stream} backlog 4096
  server one 127.0.0.1:${site.backendPort}
`;
}
