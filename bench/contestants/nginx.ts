/** nginx: one worker, kept-alive upstream connections, buffered access log, the usual forwarded headers. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../../test/support/ports.ts';
import { launch } from '../machine/launch.ts';
import { needProgram, programVersion } from '../machine/programs.ts';
import { scratch } from '../machine/scratch.ts';
import {
  asProxy,
  type CertificateFiles,
  type Contestant,
  type Ports,
  type RunningProxy,
  type Site,
} from './contestant.ts';

export const nginx: Contestant = {
  name: 'nginx',
  version: () => programVersion('nginx'),
  start,
};

/** Debian's libnginx-mod-stream. */
const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';

async function start(site: Site): Promise<RunningProxy> {
  const folder = scratch('nginx');
  const [http = 0, stream = 0, https = 0] = await freePorts(3);
  const ports = {
    http,
    stream: existsSync(STREAM_MODULE) ? stream : null,
    https: site.certificate && https,
  };
  const file = join(folder, 'nginx.conf');
  writeFileSync(join(folder, 'forward.conf'), forward);
  const streams = ports.stream === null ? '' : streamConfiguration(ports.stream, site);
  writeFileSync(file, `${streams}${configuration(folder, ports, site)}`);
  const args = ['-p', `${folder}/`, '-c', file, '-e', 'stderr'];
  const child = await launch(needProgram('nginx'), args, { core: site.core });
  return asProxy(child, ports);
}

/** The main context of any nginx here: in the foreground, one worker, nothing outside its folder. */
export function nginxMain(folder: string, connections = 15_000): string {
  // As root its worker would become a user that cannot enter the folder.
  const user = process.getuid?.() === 0 ? 'user root;\n' : '';
  return `${user}daemon off;
pid ${join(folder, 'nginx.pid')};
error_log stderr error;
worker_processes 1;
worker_rlimit_nofile ${connections};
events { worker_connections ${connections}; }`;
}

const forward = `proxy_pass http://backend;
proxy_http_version 1.1;
proxy_set_header Connection "";
proxy_set_header Host $http_host;
proxy_set_header X-Real-IP $remote_addr;
proxy_set_header X-Forwarded-For $remote_addr;
proxy_set_header X-Forwarded-Proto $scheme;
proxy_set_header X-Forwarded-Host $http_host;
proxy_set_header X-Forwarded-Port $server_port;
`;

function streamConfiguration(port: number, site: Site): string {
  return `load_module ${STREAM_MODULE};
stream {
  log_format line '$remote_addr $time_iso8601 $status $bytes_sent $bytes_received $session_time $upstream_addr';
  access_log stream.log line buffer=64k flush=1s;
  server { listen 127.0.0.1:${port} backlog=4096; proxy_pass 127.0.0.1:${site.backendPort}; }
}
`;
}

/** Protocols as fairlead has them; the clients choose the cipher. */
function secured(port: number | null, { chain, key }: CertificateFiles): string {
  return `  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_certificate ${chain};
  ssl_certificate_key ${key};
  server { listen 127.0.0.1:${port} ssl http2 default_server backlog=4096; server_name ""; return 404; }
`;
}

function configuration(folder: string, { http, https }: Ports, site: Site): string {
  const { certificate } = site;
  const listen = `listen 127.0.0.1:${http};${certificate === null ? '' : ` listen 127.0.0.1:${https} ssl http2;`}`;
  const servers = site.hosts.map(
    (host) => `  server { ${listen} server_name ${host}; location / { include forward.conf; } }`,
  );
  return `${nginxMain(folder, site.descriptors)}
http {
  access_log access.log combined buffer=64k flush=1s;
  keepalive_timeout 5m;
  keepalive_requests 1000000000;
  client_body_buffer_size 64k;
  proxy_max_temp_file_size 0;
  server_names_hash_max_size 131072;
  server_names_hash_bucket_size 128;
  client_body_temp_path client_body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  upstream backend {
    server 127.0.0.1:${site.backendPort};
    keepalive 512;
    keepalive_requests 1000000000;
    keepalive_timeout 5m;
  }
  server { listen 127.0.0.1:${http} default_server backlog=4096; server_name ""; return 404; }
${certificate === null ? '' : secured(https, certificate)}${servers.join('\n')}
}
`;
}
