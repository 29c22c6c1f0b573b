import { describe, expect, test } from 'vitest';
import type { Claim } from '../../router/claim.ts';
import { readFabioTag } from '../../router/fabio.ts';

function read(tag: string) {
  return readFabioTag(tag, 'urlprefix-', 'dc1');
}

function claimOf(tag: string): Claim {
  const claim = read(tag);
  if (!claim.ok) throw new Error(claim.reason);
  return claim.value;
}

describe('sources', () => {
  test.each([
    ['urlprefix-Foo.com/Bar', 'foo.com', '/Bar'],
    ['urlprefix-foo.com/bar/', 'foo.com', '/bar/'],
    ['urlprefix-foo.com', 'foo.com', '/'],
    ['urlprefix-/bar', '', '/bar'],
    ['  urlprefix- \t foo.com/', 'foo.com', '/'],
    ['urlprefix-foo.com:9999/x', 'foo.com', '/x'],
    ['urlprefix-foo.com:9999', 'foo.com', '/'],
    ['urlprefix-[::1]:80/x', '[::1]', '/x'],
    ['urlprefix-[::1]/x', '[::1]', '/x'],
    ['urlprefix-*.Foo.com/', '*.foo.com', '/'],
    ['urlprefix-*.foo.com:8080/', '*.foo.com', '/'],
    ['urlprefix-{a,B}.[c-d]x?.com/', '{a,b}.[c-d]x?.com', '/'],
    ['urlprefix-*/x', '*', '/x'],
    ['urlprefix-$DC.foo.com/', 'dc1.foo.com', '/'],
    [`urlprefix-a-\${DC}b.com`, 'a-dc1b.com', '/'],
    [`urlprefix-/$DC/\${DC}x/$DCx/\${OTHER}/$`, '', '/dc1/dc1x/$DCx/$%7BOTHER%7D/$'],
    ['urlprefix-/a%2fb/%61', '', '/a%2Fb/a'],
    ['urlprefix-/é|"', '', '/%C3%A9%7C%22'],
  ])('%s is host %j and path %s', (tag, host, path) => {
    expect(claimOf(tag).rule).toEqual({
      host,
      path,
      match: 'text',
      methods: null,
      listeners: null,
      priority: 0,
    });
  });

  test.each([
    ['urlprefix-', 'the target is missing'],
    ['urlprefix- ', 'the target is missing'],
    ['urlprefix-:5432', 'a port as the target needs proto=tcp'],
    ['urlprefix-:5432 proto=https', 'a port as the target needs proto=tcp'],
    ['urlprefix-:99999 proto=tcp', 'is neither a host nor a port'],
    ['urlprefix-/ proto=tcp', 'needs a port'],
    ['urlprefix-a.com/x proto=tcp', 'TLS has no path'],
    ['urlprefix-10.0.0.1:5432 proto=tcp', 'is an address'],
    ['urlprefix-:5432 proto=tcp allow=10.0.0.0/8', 'needs "ip:"'],
    ['urlprefix-:5432 proto=tcp auth=x', 'option auth is not served'],
    ['urlprefix-:x/', 'is neither a host nor a port'],
    ['urlprefix-foo.com:http/', 'where a port belongs'],
    ['urlprefix-$OTHER.com/', 'cannot contain "$"'],
    ['urlprefix-{a.com/', 'unpaired brace'],
    ['urlprefix-a"b.com/', 'cannot contain'],
    ['urlprefix-foo.com/a?b=c', 'cannot contain "?"'],
    ['urlprefix-foo.com/../x', 'dot segment'],
    ['urlprefix-foo.com//x', 'empty segment'],
    ['urlprefix-foo.com/%zz', 'broken percent escape'],
    ['urlprefix-foo.com/\\x', 'cannot contain'],
  ])('%s is refused: %s', (tag, reason) => {
    expect(read(tag)).toEqual({ ok: false, reason: expect.stringContaining(reason) });
  });
});

describe('options', () => {
  test.each([
    ['strip=/bar', { strip: '/bar' }],
    ['strip=/bar/', { strip: '/bar/' }],
    ['strip', {}],
    ['prepend=/v1/', { prefix: '/v1' }],
    ['prepend=', {}],
    ['host=dst', { host: { kind: 'instance' } }],
    ['host=Other.com', { host: { kind: 'name', name: 'other.com' } }],
    ['host=', {}],
    ['allow=ip:10.1.0.0/8,ip:::1', { allow: ['10.0.0.0/8', '::1/128'] }],
    ['deny=ip:192.0.2.1', { deny: ['192.0.2.1/32'] }],
    ['deny=ip:192.0.2.1 deny=ip:192.0.2.1', { deny: ['192.0.2.1/32'] }],
    ['redirect=301,https://a.com/b,c', { redirect: { status: 301, location: 'https://a.com/b,c' } }],
    ['redirect=399,https://a.com/$path', { redirect: { status: 399, location: 'https://a.com$path' } }],
    ['register=other grpcservername=x foo bar=baz __proto__=1', {}],
    ['tlsskipverify=true', {}],
    ['proto=https tlsskipverify=yes', {}],
    ['pxyproto=false', {}],
    ['strip=/a strip=/b', { strip: '/b' }],
  ])('%s sets %j', (text, options) => {
    expect(claimOf(`urlprefix-/ \t ${text}`).options).toEqual(options);
  });

  test.each([
    ['weight=0.25', { kind: 'fraction', value: 0.25 }],
    ['weight=5', { kind: 'fraction', value: 5 }],
    ['weight=1e-2', { kind: 'fraction', value: 0.01 }],
    ['weight=.5', { kind: 'fraction', value: 0.5 }],
    ['weight=0', { kind: 'none' }],
    ['weight=-1', { kind: 'none' }],
    ['strip=/x', { kind: 'none' }],
  ])('%s is the weight %j', (text, weight) => {
    expect(claimOf(`urlprefix-/ ${text}`).pool).toEqual({
      protocol: 'http',
      balance: null,
      weight,
      maxconn: null,
    });
  });

  test('a redirect takes no traffic, and proto chooses how instances are spoken to', () => {
    expect(claimOf('urlprefix-/ redirect=302,https://a.com/').redirectOnly).toBe(true);
    expect(claimOf('urlprefix-/ proto=https')).toMatchObject({
      redirectOnly: false,
      pool: { protocol: 'https' },
    });
  });

  test.each([
    ['proto=https', 'https', {}],
    ['proto=https tlsskipverify=true', 'https', { insecure: true }],
    ['proto=https tlsskipverify=yes grpcservername=b.com', 'https', {}],
    ['tlsskipverify=true', 'http', {}],
    ['proto=grpc tlsskipverify=true', 'h2c', {}],
    ['proto=grpcs grpcservername=B.com', 'h2', { serverName: 'b.com' }],
  ])('%s means %s', (words, protocol, options) => {
    expect(claimOf(`urlprefix-a.com/ ${words}`)).toMatchObject({ options, pool: { protocol } });
    expect(claimOf(`urlprefix-a.com/ ${words}`).options).toEqual(options);
  });

  test.each([
    ['proto=udp', 'write a native tag, udp:PORT'],
    ['proto=h2', 'must be http, https, grpc, grpcs or tcp'],
    ['proto', 'must be http, https, grpc, grpcs or tcp'],
    ['proto=grpcs grpcservername=a.com:1', 'grpcservername=a.com:1: host'],
    ['weight=abc', 'weight=abc: must be a number'],
    ['weight=', 'must be a number'],
    ['weight=NaN', 'must be a number'],
    ['weight=Inf', 'must be a number'],
    ['weight=1e999', 'must be a number'],
    ['redirect=301', 'the URL is missing'],
    ['redirect=200,https://a.com', 'is not from 300 to 399'],
    ['redirect=301,a.com', 'must start with'],
    ['redirect', 'is not from 300 to 399'],
    ['strip=bar', 'must start with "/"'],
    ['prepend=bar', 'must start with "/"'],
    ['host=a.com:80', 'has a port'],
    ['pxyproto=true', 'option pxyproto is not served by this version'],
    ['auth=staff', 'option auth is not served by this version'],
    ['auth', 'option auth is not served by this version'],
    ['allow=ip:10.0.0.0/8,192.0.2.0/24', '"192.0.2.0/24" needs "ip:" in front'],
    ['deny=192.0.2.0/24', 'needs "ip:" in front'],
    ['allow=ip:10.0.0.0/99', 'needs a length from 0 to 32'],
    ['allow=', 'needs "ip:" in front'],
    ['allow', 'needs "ip:" in front'],
    ['allow=ip:::1 deny=ip:::2', 'allow and deny exclude each other'],
    ['allow=ip:10.0.0.0/8 allow=ip:0.0.0.0/0', 'option allow is given twice'],
  ])('%s is refused: %s', (text, reason) => {
    expect(read(`urlprefix-foo.com/ ${text}`)).toEqual({
      ok: false,
      reason: expect.stringContaining(reason),
    });
  });
});
