import { resolve } from 'node:path';
import type { Settings } from './schema.ts';

const second = 1000;
const minute = 60 * second;
const KiB = 1024;

/** What holds where nobody says otherwise. The data folder is systemd's when it gives one. */
export function defaultsFor(env: NodeJS.ProcessEnv, cwd: string): Settings {
  return {
    consul: {
      address: { scheme: null, authority: '127.0.0.1:8500', prefix: '' },
      token: null,
      tokenFile: null,
      datacenter: null,
      namespace: null,
      tls: { caFile: null, certFile: null, keyFile: null, serverName: null, verify: true },
      health: ['passing'],
      connections: 180,
      wait: 55 * second,
      hold: minute,
      forget: 10 * minute,
    },
    listeners: {
      web: {
        address: { host: '', port: 8080 },
        protocol: 'http',
        proxyProtocol: false,
        http2: true,
        h2c: false,
      },
    },
    tcp: { ports: null, address: '', proxyProtocol: false },
    udp: { ports: null, address: '' },
    admin: { address: { host: '127.0.0.1', port: 9998 }, token: null, tokenFile: null },
    trustedProxies: [],
    dialects: {
      fairlead: true,
      fabio: { enabled: true, tagPrefix: 'urlprefix-', kvPath: '/fabio/config' },
    },
    routes: [],
    tls: {
      certificates: null,
      default: null,
      strict: false,
      acme: null,
      redirectPort: null,
      hsts: { maxAge: null, includeSubDomains: false, preload: false },
      clientAuth: null,
    },
    upstreamTls: { caFile: null, certFile: null, keyFile: null, serverName: null },
    limits: {
      head: 16 * KiB,
      fields: 100,
      uri: 8 * KiB,
      body: 0,
      bodyRate: 240,
      connections: 0,
      connectionsPerClient: 0,
      requestsPerConnection: 0,
      queue: 1024,
      streams: 100,
      udpSessions: 0,
    },
    timeouts: {
      handshake: 10 * second,
      head: 10 * second,
      idle: 75 * second,
      queue: 5 * second,
      connect: 3 * second,
      response: 60 * second,
      streamIdle: 60 * second,
      tunnelIdle: 60 * minute,
      tcpIdle: 60 * minute,
      udpIdle: 30 * second,
      upstreamIdle: 15 * second,
      drain: 30 * second,
    },
    balance: { slowStart: 10 * second },
    workers: 'auto',
    data: dataFolder(env, cwd),
    log: { level: 'info' },
    accessLog: 'json',
  };
}

/** systemd may name several folders, separated by colons; the first one is ours. */
function dataFolder(env: NodeJS.ProcessEnv, cwd: string): string {
  const [state = ''] = (env.STATE_DIRECTORY ?? '').split(':');
  return resolve(cwd, state === '' ? '.fairlead' : state);
}
