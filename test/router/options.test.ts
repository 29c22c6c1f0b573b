import { describe, expect, test } from 'vitest';
import { readOptions } from '../../router/options.ts';

function read(text: string, path = '/api/') {
  return readOptions(text.split(' '), path);
}

describe('options of the route', () => {
  test.each([
    ['strip', { strip: '/api' }],
    ['strip=/a/b/', { strip: '/a/b' }],
    ['strip=/%61', { strip: '/a' }],
    ['strip=/', {}],
    ['prefix=/v1/', { prefix: '/v1' }],
    ['prefix=/', {}],
    ['host=keep', {}],
    ['host=instance', { host: { kind: 'instance' } }],
    ['host=Backend.internal', { host: { kind: 'name', name: 'backend.internal' } }],
    ['redirect=308,/new', { redirect: { status: 308, location: '/new' } }],
    ['redirect=301,https://a.com/b,c', { redirect: { status: 301, location: 'https://a.com/b,c' } }],
    ['https=redirect', { https: 'redirect' }],
    ['https=only', { https: 'only' }],
    ['allow=10.0.0.1/8,::1', { allow: ['10.0.0.0/8', '::1/128'] }],
    ['allow=10.0.0.0/8 allow=192.0.2.1 allow=10.0.0.0/8', { allow: ['10.0.0.0/8', '192.0.2.1/32'] }],
    ['deny=192.0.2.0/24 allow=0.0.0.0/0', { deny: ['192.0.2.0/24'], allow: ['0.0.0.0/0'] }],
    ['timeout=30s', { timeoutMs: 30_000 }],
    ['timeout=1m30.5s', { timeoutMs: 90_500 }],
    ['timeout=250ms', { timeoutMs: 250 }],
    ['timeout=24h', { timeoutMs: 86_400_000 }],
    ['timeout=1us', { timeoutMs: 1 }],
    ['retry=0', { retry: 0 }],
    ['retry=10', { retry: 10 }],
    ['sticky', { sticky: 'fairlead' }],
    ['proxy=v2', { proxy: 'v2' }],
    ['departure=close', { departure: 'close' }],
    ['tls=terminate', { tls: 'terminate' }],
    ['departure=drain', {}],
    ['sticky=SID', { sticky: 'SID' }],
    ['sticky=__proto__', { sticky: '__proto__' }],
  ])('%s sets %j', (text, route) => {
    expect(read(text)).toMatchObject({ ok: true, value: { route } });
    const options = read(text);
    expect(options.ok && Object.keys(options.value.route)).toEqual(Object.keys(route));
  });

  test('a bare strip under "/" has nothing to remove', () => {
    expect(read('strip', '/')).toMatchObject({ value: { route: {} } });
  });
});

describe('options of rule and pool', () => {
  test.each([
    ['exact', { isExact: true }],
    ['methods=GET,PROPFIND,x-custom', { methods: ['GET', 'PROPFIND', 'x-custom'] }],
    ['listener=web,websecure', { listeners: ['web', 'websecure'] }],
    ['priority=-1000000000', { priority: -1_000_000_000 }],
    ['priority=-0', { priority: 0 }],
    ['proto=https', { protocol: 'https' }],
    ['weight=0', { weight: { kind: 'relative', value: 0 } }],
    ['weight=65535', { weight: { kind: 'relative', value: 65_535 } }],
    ['weight=5 weight=5', { weight: { kind: 'relative', value: 5 } }],
    ['maxconn=1', { maxconn: 1 }],
    ['maxconn=65535', { maxconn: 65_535 }],
    ['check=/health', { check: { path: '/health', intervalMs: 5_000 } }],
    ['check=/health?deep=1&q=%20,500ms', { check: { path: '/health?deep=1&q=%20', intervalMs: 500 } }],
    ['check=/a,b,10m', { check: { path: '/a,b', intervalMs: 600_000 } }],
    ['balance=least', { balance: { kind: 'least' } }],
    ['balance=rr', { balance: { kind: 'rr' } }],
    ['balance=random', { balance: { kind: 'random' } }],
    ['balance=hash:ip', { balance: { kind: 'hash', on: 'ip' } }],
    ['balance=hash:header:X-User', { balance: { kind: 'hash', on: 'header', name: 'x-user' } }],
    ['balance=hash:header:__proto__', { balance: { kind: 'hash', on: 'header', name: '__proto__' } }],
    ['balance=hash:cookie:Sid', { balance: { kind: 'hash', on: 'cookie', name: 'Sid' } }],
  ])('%s sets %j', (text, wanted) => {
    expect(read(text)).toMatchObject({ ok: true, value: wanted });
  });
});

describe('mistakes', () => {
  test.each([
    ['stirp', 'unknown option "stirp"; did you mean strip?'],
    ['Strip', 'unknown option "Strip"; did you mean strip?'],
    ['method=GET', 'unknown option "method"; did you mean methods?'],
    ['prepend=/x', 'did you mean prefix?'],
    ['nonsense', /^unknown option "nonsense"$/],
    ['exact=true', 'option exact takes no value'],
    ['strip=', 'option strip needs a value'],
    ['sticky=', 'option sticky needs a value'],
    ['weight', 'option weight needs a value'],
    ['weight=1 weight=2', 'option weight is given twice, as "weight=1" and as "weight=2"'],
    ['strip strip=/x', 'option strip is given twice'],
    ['strip=api', 'strip=api: path "api" must start with "/"'],
    ['prefix=/a/../b', 'dot segment'],
    ['host=*.a.com', 'is a wildcard'],
    ['host=a.com:80', 'has a port'],
    ['host=a"b', 'cannot contain'],
    ['proto=ftp', 'must be http, https, h2 or h2c'],
    ['weight=-1', 'from 0 to 65535'],
    ['weight=65536', 'from 0 to 65535'],
    ['weight=1e3', 'from 0 to 65535'],
    ['weight=0x10', 'from 0 to 65535'],
    ['weight=1.5', 'from 0 to 65535'],
    ['priority=1000000001', 'from -1000000000 to 1000000000'],
    ['priority=high', 'whole number'],
    ['listener=a,,b', 'listener=: a listener name'],
    ['listener=a/b', 'listener=a/b: a listener name'],
    ['methods=GET,', 'methods=: not a method name'],
    ['methods=GE(T', 'not a method name'],
    ['methods=get', 'write GET'],
    ['balance=leastconn', 'balance=leastconn: must be least, rr'],
    ['balance=hash:header:', 'must be'],
    ['balance=hash:header:a:b', 'must be'],
    ['balance=hash:query:a', 'must be'],
    ['sticky=a;b', 'not a cookie name'],
    ['redirect=301', 'the URL is missing'],
    ['redirect=300,/x', 'status "300" is not 301, 302, 303, 307 or 308'],
    ['redirect=3e2,/x', 'status "3e2"'],
    ['redirect=https://a.com', 'status "https://a.com"'],
    ['redirect=301,', 'must start with http'],
    ['https=yes', 'must be redirect or only'],
    ['allow=', 'option allow needs a value'],
    ['allow=10.0.0.0/8,', 'allow=: "" is not an IP address'],
    ['allow=ip:10.0.0.0/8', 'is not an IP address'],
    ['deny=010.0.0.1', 'is not an IP address'],
    ['timeout=30', 'like 30s'],
    ['timeout=s', 'like 30s'],
    ['timeout=-5s', 'like 30s'],
    ['timeout=1.2.3s', 'like 30s'],
    ['timeout=0s', 'longer than 0'],
    ['timeout=24h1ms', 'at most 24h'],
    ['retry=11', 'from 0 to 10'],
    ['auth=staff', 'option auth is not served by this version'],
    ['use=a,b', 'option use is not served by this version'],
    ['maxconn=0', 'maxconn=0: must be a whole number from 1 to 65535'],
    ['maxconn=65536', 'from 1 to 65535'],
    ['maxconn=-1', 'from 1 to 65535'],
    ['maxconn=x', 'maxconn=x: must be a whole number'],
    ['maxconn=1.5', 'must be a whole number'],
    ['maxconn', 'option maxconn needs a value'],
    ['maxconn=5 maxconn=6', 'option maxconn is given twice, as "maxconn=5" and as "maxconn=6"'],
    ['check=health', 'must be a path'],
    ['check=/h\u00e9', 'must be a path'],
    ['check=/a#b', 'must be a path'],
    ['check=/a,5', 'a duration with units'],
    ['check=/a,b,', 'a duration with units'],
    ['check=/a,499ms', 'the interval must be from 500ms to 10m'],
    ['check=/a,10m1s', 'the interval must be from 500ms to 10m'],
    ['check', 'option check needs a value'],
    ['proxy=v3', 'must be v1 or v2'],
    ['departure=now', 'must be drain or close'],
    ['tls=yes', 'must be terminate'],
    ['insecure=yes', 'option insecure takes no value'],
    ['servername=*.a.com', 'is a wildcard'],
    ['servername=a.com:443', 'has a port'],
  ])('%s is refused: %s', (text, reason) => {
    expect(read(text)).toEqual({
      ok: false,
      reason: typeof reason === 'string' ? expect.stringContaining(reason) : expect.stringMatching(reason),
    });
  });

  test('one mistake refuses the whole rule', () => {
    expect(read('strip weight=2 retry=x allow=10.0.0.0/8')).toMatchObject({ ok: false });
  });
});
