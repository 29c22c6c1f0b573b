/** What the tests need beside Node: one line each. */
export interface Component {
  /** The command, and the name of its folder in the cache. */
  name: string;
  /** An environment variable that may hold its path and then wins. */
  env: string;
  /** The Debian package. */
  package: string;
  /** Its path inside the package. */
  path: string;
  /** Arguments with which it prints its version and exits 0. */
  probe: string[];
  /** Loaded by another program rather than run. */
  library?: true;
  /** Its service, where that has another name; it is stopped again after the installation. */
  daemon?: string;
  /** The Debian release to take it from, when the machine's own has none. Must need no libraries then. */
  release?: string;
}

const exitScript = new URL('../../bench/load/exit.lua', import.meta.url).pathname;

export const components = [
  // Debian 11 was the last release with Consul (1.8.7); it is one static Go program.
  {
    name: 'consul',
    env: 'CONSUL_BIN',
    package: 'consul',
    path: 'usr/bin/consul',
    probe: ['version'],
    release: 'bullseye',
  },
  { name: 'nginx', env: 'NGINX_BIN', package: 'nginx', path: 'usr/sbin/nginx', probe: ['-v'] },
  // nginx's own package has no stream module.
  {
    name: 'ngx_stream_module.so',
    env: 'NGINX_STREAM_MODULE',
    package: 'libnginx-mod-stream',
    path: 'usr/lib/nginx/modules/ngx_stream_module.so',
    probe: [],
    library: true,
  },
  { name: 'haproxy', env: 'HAPROXY_BIN', package: 'haproxy', path: 'usr/sbin/haproxy', probe: ['-v'] },
  {
    name: 'postgres',
    env: 'POSTGRES_BIN',
    package: 'postgresql-15',
    path: 'usr/lib/postgresql/15/bin/postgres',
    probe: ['--version'],
    daemon: 'postgresql',
  },
  {
    name: 'redis-server',
    env: 'REDIS_BIN',
    package: 'redis-server',
    path: 'usr/bin/redis-server',
    probe: ['--version'],
  },
  {
    name: 'dnsmasq',
    env: 'DNSMASQ_BIN',
    package: 'dnsmasq-base',
    path: 'usr/sbin/dnsmasq',
    probe: ['--version'],
  },
  { name: 'openssl', env: 'OPENSSL_BIN', package: 'openssl', path: 'usr/bin/openssl', probe: ['version'] },
  // A certificate authority for tests, and the DNS server it asks. Neither knows an option that prints a version.
  { name: 'pebble', env: 'PEBBLE_BIN', package: 'pebble', path: 'usr/bin/pebble', probe: ['-help'] },
  {
    name: 'pebble-challtestsrv',
    env: 'CHALLTESTSRV_BIN',
    package: 'pebble',
    path: 'usr/bin/pebble-challtestsrv',
    probe: ['-help'],
  },
  {
    name: 'chromium',
    env: 'CHROMIUM_BIN',
    package: 'chromium',
    path: 'usr/bin/chromium',
    probe: ['--version'],
  },
  // For the benchmarks. wrk exits with 1 after printing its version, so it is shown to run by a script that exits.
  {
    name: 'wrk',
    env: 'WRK_BIN',
    package: 'wrk',
    path: 'usr/bin/wrk',
    probe: ['-s', exitScript, 'http://[::1]'],
  },
  {
    name: 'h2load',
    env: 'H2LOAD_BIN',
    package: 'nghttp2-client',
    path: 'usr/bin/h2load',
    probe: ['--version'],
  },
  { name: 'caddy', env: 'CADDY_BIN', package: 'caddy', path: 'usr/bin/caddy', probe: ['version'] },
] as const satisfies Component[];

export type ComponentName = (typeof components)[number]['name'];
