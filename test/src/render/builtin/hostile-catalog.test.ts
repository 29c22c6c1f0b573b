/** Catalogs that somebody hostile registers in, read as the router reads them and rendered: the files are read back. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Instance } from '../../../../router/model.ts';
import { Planner } from '../../../../router/planner.ts';
import { renderHaproxy } from '../../../../src/render/builtin/haproxy.ts';
import type { BuiltinInput } from '../../../../src/render/builtin/model.ts';
import { renderNginx } from '../../../../src/render/builtin/nginx.ts';
import { skipExternal } from '../../../provision.ts';
import { instance } from '../../control/facts.ts';
import { haproxyFaults, nginxFaults, OPTIONS, state } from './stage.ts';
import { haproxyStructure, nginxStructure } from './structure.ts';

/** What ends a word, a line, a string or a block somewhere, is expanded or commented, or is a directive. */
const EVIL = [
  ...['\n', '\r\n', '\0', '\t', '\v', ' ', ';', '{', '}', '"', "'", '\\', '#', '$', '`', '%', '|', ','],
  ...['\u2028', '\u202e', '\ufeff', 'é', '\ud800', '%0a', '%00', '\\n', '\\x0a', '${', '$remote_addr'],
  ...['%[env(HOME)]', '%{+Q}o', '"; return 200 "', "' if TRUE #", '\n}\nserver { listen 1;', '\nglobal\n'],
  ...['include /etc/passwd;', 'load_module x;', 'lua-load x', 'stats socket x', 'backup', 'check', 'ssl'],
];
const PLAIN = ['a', 'b.test', '*.c.test', '/', '/x', 'GET', ':', '=', '10.0.0.0/8', 'x-id', '-', '_', '.'];
const OPTIONS_OF_TAGS = [
  ...['strip=', 'prefix=', 'host=', 'allow=', 'deny=', 'redirect=302,https://', 'https=', 'methods='],
  ...['balance=hash:header:', 'balance=hash:cookie:', 'retry=', 'timeout=', 'proxy=', 'priority=', 'name='],
];

const piece = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...EVIL) },
  { weight: 2, arbitrary: fc.constantFrom(...PLAIN) },
);
const text = fc.array(piece, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(''));
/** Good up to one place, so that what comes there is looked at by more than the first check. */
const tag = fc.oneof(
  fc.tuple(fc.constantFrom('fairlead:', 'urlprefix-'), text, text).map((parts) => parts.join('')),
  fc
    .tuple(fc.constantFrom('a.test/', '*.b.test/x', '/y'), fc.constantFrom(...OPTIONS_OF_TAGS), text)
    .map(([rule, option, value]) => `fairlead:${rule} ${option}${value}`),
  // The one place where most of it is allowed.
  fc
    .tuple(fc.constantFrom('a.test/', '*.b.test/x/', '/'), fc.constantFrom(...EVIL), fc.constantFrom(...EVIL))
    .map((parts) => `fairlead:${parts.join('')}`),
  fc
    .tuple(fc.constantFrom('tcp:21001', 'tcp:21001 sni=', 'sni:', 'udp:21001 '), text)
    .map((parts) => `fairlead:${parts.join('')}`),
);
const service = fc.record({
  name: text,
  id: text,
  node: text,
  address: fc.oneof(fc.constantFrom('10.0.0.1', '::1', 'host.test'), text),
  meta: fc.dictionary(text, text, { maxKeys: 2 }),
  tags: fc.array(tag, { minLength: 1, maxLength: 4 }),
});

/** One who means well, beside them. */
const HONEST = instance('honest', 1, { tags: ['fairlead:honest.test/'], address: '10.9.9.9', port: 9999 });
const POLICY = {
  dialects: { fairlead: true, fabio: { prefix: 'urlprefix-' } },
  ...{ datacenter: 'dc1', accepts: () => true, listeners: ['web'], tlsListeners: ['web'] },
  ...{ tcpPorts: { from: 21_000, to: 21_999 }, udpPorts: null, takenPorts: new Map<number, string>() },
};

function stateOf(services: readonly { readonly name: string }[]): BuiltinInput {
  const planner = new Planner(POLICY);
  const byName = Map.groupBy(services, ({ name }) => name);
  for (const [name, all] of byName)
    planner.setService(
      name,
      all.map(
        (each, at): Instance => ({ ...instance(name, at + 1), ...each, serviceId: name, service: name }),
      ),
    );
  planner.setService('honest', [HONEST]);
  planner.commit();
  return state({
    routes: [...planner.routes.values()],
    pools: [...planner.pools.values()],
    options: { ...OPTIONS, trustedProxies: ['10.0.0.0/8'] },
  });
}

/** Of a file with one of everything, and what that one has no example of. */
function knownIn(file: string, read: (text: string) => string[], ...more: string[]): ReadonlySet<string> {
  const golden = readFileSync(new URL(`golden/${file}`, import.meta.url), 'utf8');
  return new Set([...read(golden), ...more]);
}

const NGINX = knownIn('whole.nginx.conf', nginxStructure, 'http > upstream > hash');
const HAPROXY = knownIn(
  'whole.haproxy.cfg',
  haproxyStructure,
  ...['backend > hash-type', 'frontend > tcp-request content', 'frontend > tcp-request connection'],
);
const ADDRESS = String.raw`(?:\d+\.\d+\.\d+\.\d+|\[[0-9a-f:.]+\]):\d+`;
/** Whole lines into which an address or a name goes without quotes: nothing may follow that is not ours. */
const NGINX_SERVER = new RegExp(
  `^ {4}server ${ADDRESS} (?:down|weight=\\d+)(?: max_conns=\\d+)? max_fails=3 fail_timeout=10s;$`,
);
const HAPROXY_SERVER = new RegExp(
  `^ {2}server [a-z0-9._-]+ ${ADDRESS} weight \\d+(?: maxconn \\d+)?(?: send-proxy(?:-v2)?)?(?: pool-purge-delay 1s)?$`,
);
const HAPROXY_NAMES =
  /^(?:(?:frontend|backend) [a-z0-9:._-]+| {2}(?:use|default)_backend [a-z0-9:._-]+(?: if \{ .* \})?)$/;

function expectHarmless(input: BuiltinInput): void {
  const [nginx, haproxy] = [renderNginx(input).text, renderHaproxy(input).text];
  for (const name of nginxStructure(nginx)) expect(NGINX).toContain(name);
  for (const name of haproxyStructure(haproxy)) expect(HAPROXY).toContain(name);
  expect(`${nginx}${haproxy}`).toMatch(/^[\n\x20-\x7e]*$/);
  for (const line of nginx.split('\n')) if (/^ {4}server\b/.test(line)) expect(line).toMatch(NGINX_SERVER);
  for (const line of haproxy.split('\n')) {
    if (/^ {2}server\b/.test(line)) expect(line).toMatch(HAPROXY_SERVER);
    if (/^(?:frontend|backend| {2}\w+_backend) /.test(line)) expect(line).toMatch(HAPROXY_NAMES);
  }
  expect(nginx).toContain('    server 10.9.9.9:9999 weight=1 ');
  expect(haproxy).toContain('  server honest_4010.9.9.9_3a9999 10.9.9.9:9999 weight 1 ');
}

describe('a hostile catalog', () => {
  it('leaves nothing in either file but what is meant to be there', () => {
    fc.assert(
      fc.property(fc.array(service, { minLength: 1, maxLength: 3 }), (services) =>
        expectHarmless(stateOf(services)),
      ),
      { numRuns: 150 },
    );
  });

  it('gets a good share of its routes as far as the files, so that they are looked at', () => {
    const all = fc.sample(service, { numRuns: 300, seed: 7 });
    const { routes } = stateOf(all);
    expect(routes.length).toBeGreaterThan(30);
    expect(routes.some(({ id }) => /["'$%#|]/.test(id))).toBe(true);
  });

  it.skipIf(skipExternal)(
    'gives files that both programs accept',
    async () => {
      const input = stateOf(fc.sample(service, { numRuns: 300, seed: 8 }));
      const routes = input.routes.filter(({ rule }) => rule.stream === undefined);
      expect(await nginxFaults(renderNginx({ ...input, routes }).text)).toBe('');
      expect(await haproxyFaults(renderHaproxy(input).text)).toBe('');
    },
    30_000,
  );
});
