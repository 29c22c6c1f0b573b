import { describe, expect, test } from 'vitest';
import {
  collide,
  formatAddress,
  isLoopback,
  parseAddress,
  parseConsulAddress,
  parsePortRange,
} from '../../../src/config/addresses.ts';

describe('addresses', () => {
  test.each([
    [':8080', '', 8080],
    ['127.0.0.1:8080', '127.0.0.1', 8080],
    ['[::1]:8080', '::1', 8080],
    ['[fe80::1%eth0]:80', 'fe80::1%eth0', 80],
    ['localhost:80', 'localhost', 80],
    ['my_host.example.com:80', 'my_host.example.com', 80],
    ['0.0.0.0:0', '0.0.0.0', 0],
  ])('%s', (text, host, port) => {
    expect(parseAddress(text)).toEqual({ ok: true, value: { host, port } });
    expect(formatAddress({ host, port })).toBe(text);
  });

  test.each([
    ['8080', 'only a port: write ":8080" or "127.0.0.1:8080"'],
    ['localhost', 'has no port'],
    ['::1', 'has no port'],
    ['::1:8080', 'needs brackets: write [::1]:8080'],
    [':65536', 'port 65536 is out of range'],
    [':', 'is not an address'],
    [':http', 'is not an address'],
    ['[::1', 'is not an address'],
    ['[]:80', 'neither an IP address nor a host name'],
    ['[127.0.0.1]:80', 'neither an IP address nor a host name'],
    ['300.1.1.1:80', 'neither an IP address nor a host name'],
    ['127.1:80', 'neither an IP address nor a host name'],
    ['a b:80', 'neither an IP address nor a host name'],
    ['-a:80', 'neither an IP address nor a host name'],
    ['http://localhost:80', 'is a URL'],
  ])('%s is refused', (text, reason) => {
    expect(parseAddress(text)).toEqual({ ok: false, reason: expect.stringContaining(reason) });
  });

  test.each([
    ['127.0.0.1:1', true],
    ['127.9.9.9:1', true],
    ['[::1]:1', true],
    ['[::ffff:127.0.0.1]:1', true],
    ['LOCALHOST:1', true],
    [':1', false],
    ['0.0.0.0:1', false],
    ['[::]:1', false],
    ['10.0.0.1:1', false],
    ['127.example.com:1', false],
  ])('%s is loopback: %s', (text, expected) => {
    const parsed = parseAddress(text);
    expect(parsed.ok && isLoopback(parsed.value)).toBe(expected);
  });

  test('two addresses collide on the same port of the same or every interface', () => {
    const any = { host: '', port: 80 };
    const one = { host: '10.0.0.1', port: 80 };
    expect(collide(any, one)).toBe(true);
    expect(collide(one, one)).toBe(true);
    expect(collide(one, { host: '10.0.0.2', port: 80 })).toBe(false);
    expect(collide(any, { host: '', port: 81 })).toBe(false);
    expect(collide({ host: '', port: 0 }, { host: '', port: 0 })).toBe(false);
  });
});

test.each([
  ['15000-15999', { ok: true, value: { from: 15_000, to: 15_999 } }],
  ['80', { ok: true, value: { from: 80, to: 80 } }],
  ['1 - 2', { ok: true, value: { from: 1, to: 2 } }],
  ['2-1', { ok: false, reason: '"2-1" ends before it starts' }],
  ['0-10', { ok: false, reason: 'port 0 is out of range: use 1 to 65535' }],
  ['1-70000', { ok: false, reason: 'port 70000 is out of range: use 1 to 65535' }],
  ['1-2-3', { ok: false, reason: '"1-2-3" is not a port range: write 15000-15999' }],
])('port range %s', (text, expected) => {
  expect(parsePortRange(text)).toEqual(expected);
});

describe('addresses of Consul', () => {
  test.each([
    ['127.0.0.1:8500', null, '127.0.0.1:8500', ''],
    ['consul', null, 'consul', ''],
    ['[::1]:8500', null, '[::1]:8500', ''],
    ['[::1]', null, '[::1]', ''],
    ['http://consul:8500/', 'http', 'consul:8500', ''],
    ['HTTPS://consul:8501', 'https', 'consul:8501', ''],
    ['https://edge.example.com/consul/', 'https', 'edge.example.com', '/consul'],
  ])('%s', (text, scheme, authority, prefix) => {
    expect(parseConsulAddress(text)).toEqual({ ok: true, value: { scheme, authority, prefix } });
  });

  test.each([
    ['unix:///run/consul.sock', 'unix sockets are not supported'],
    ['tcp://consul:8500', 'unknown scheme "tcp"'],
    ['http://me:secret@consul:8500', 'credentials in the address are not supported'],
    ['http://consul:8500/?token=x', 'only a path may follow the host'],
    ['http://', 'is not an address of Consul'],
    [':8500', 'is not an address of Consul'],
    ['consul:99999', 'is not an address of Consul'],
    ['a b', 'is not an address of Consul'],
  ])('%s is refused', (text, reason) => {
    const parsed = parseConsulAddress(text);
    expect(parsed).toEqual({ ok: false, reason: expect.stringContaining(reason) });
    expect(JSON.stringify(parsed)).not.toContain('secret');
  });
});
