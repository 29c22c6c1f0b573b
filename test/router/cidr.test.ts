import { BlockList, isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatIp, parseIp, parseNetwork } from '../../router/cidr.ts';

describe('networks', () => {
  test.each([
    ['an address alone is a network of one', '192.0.2.1', '192.0.2.1/32'],
    ['an IPv6 address alone is a network of one', '2001:DB8::1', '2001:db8::1/128'],
    ['a network stays as it is', '10.0.0.0/8', '10.0.0.0/8'],
    ['bits beyond the length are cleared', '10.1.2.3/12', '10.0.0.0/12'],
    ['bits beyond an odd IPv6 length are cleared', '2001:db8:ffff::/33', '2001:db8:8000::/33'],
    ['everything has length 0', '1.2.3.4/0', '0.0.0.0/0'],
    ['IPv4-mapped IPv6 is the IPv4 network', '::ffff:10.1.2.3/104', '10.0.0.0/8'],
    ['all of IPv4-mapped IPv6 is all of IPv4', '::ffff:0:0/96', '0.0.0.0/0'],
    ['an IPv4-mapped address is the IPv4 address', '::FFFF:a01:203', '10.1.2.3/32'],
    ['a network wider than the mapped range stays IPv6', '::ffff:0:0/95', '::fffe:0:0/95'],
  ])('%s', (_name, text, network) => {
    expect(parseNetwork(text)).toEqual({ ok: true, value: network });
  });

  test.each([
    '',
    '/',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0',
    '10.0.0.0.0',
    '010.0.0.1',
    '256.0.0.1',
    '0x7f.0.0.1',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1.2.3.4\n',
    '::/129',
    ':::',
    '1::2::3',
    '12345::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    'fe80::1%eth0',
    '[::1]',
    '::1.2.3',
    '1.2.3.4::',
    'all',
  ])('%j is refused by name', (text) => {
    expect(parseNetwork(text)).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/^".* (is not|needs)/s),
    });
  });
});

describe('addresses', () => {
  test.each([
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1::', '1::'],
    ['::1', '::1'],
    ['1:0:0:2:3:0:0:4', '1::2:3:0:0:4'],
    ['::ffff:1.2.3.4', '::ffff:102:304'],
  ])('%s is written %s', (text, canonical) => {
    expect(formatIp(parseIp(text)!)).toBe(canonical);
  });

  test('what is read and written again is the same address', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const bytes = parseIp(text);
        expect(bytes).not.toBeNull();
        expect(parseIp(formatIp(bytes!))).toEqual(bytes);
      }),
    );
  });

  test('text is an address exactly when the platform says so', () => {
    const pieces = fc.constantFrom(
      '0',
      '1',
      '01',
      '255',
      '256',
      'f',
      'ffff',
      '10000',
      ':',
      '::',
      '.',
      '/',
      '%',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 16 }), (parts) => {
        const text = parts.join('');
        const expected = isIPv4(text) || (isIPv6(text) && !text.includes('%'));
        expect(parseIp(text) !== null).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });

  test('a network holds its own address in the platform’s opinion', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), (address, length) => {
        const network = parseNetwork(`${address}/${length}`);
        const [base, kept] = network.ok ? network.value.split('/') : [];
        const list = new BlockList();
        list.addSubnet(base!, Number(kept));
        expect(list.check(address)).toBe(true);
      }),
    );
  });
});
