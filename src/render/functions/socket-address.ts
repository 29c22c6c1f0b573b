import { readFileSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { performance } from 'node:perf_hooks';
import { FunctionError } from '../template/errors.ts';
import { executeTemplate } from '../template/execute.ts';
import { fixed, type TemplateFunction } from '../template/functions.ts';
import { intType, sliceOf, stringType, structType } from '../template/kinds.ts';
import { parseTemplate } from '../template/parser.ts';
import { type Int, List, record, type Struct, type Value } from '../template/values.ts';
import { type Named, ofManyTexts } from './define.ts';
import { isMatch } from './regex.ts';

/**
 * The part of go-sockaddr's language that configuration files use: addresses of this machine's interfaces, picked by
 * name, type, network, flag or RFC, and their attributes. Its sorting and its arithmetic are not here.
 */

interface Address {
  readonly name: string;
  readonly address: string;
  readonly family: 4 | 6;
  readonly network: string;
  readonly isLoopback: boolean;
}

const addressType = structType('sockaddr.IfAddr', []);
const addressesType = sliceOf(addressType);

const own = (value: Value): Address => (value as Struct).inner as Address;

function listOf(addresses: readonly Address[]): List {
  return new List(
    addressesType,
    addresses.map((each) => record(addressType, [], each)),
  );
}

const addressesOf = (list: Value): readonly Address[] => (list as List).items.map(own);

/** IPv4 before IPv6, as they are listed by the system. */
function allAddresses(): readonly Address[] {
  const found: Address[] = [];
  for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
    for (const { address, family, cidr, internal } of addresses) {
      const number = family === 'IPv4' ? 4 : 6;
      found.push({ name, address, family: number, network: cidr ?? address, isLoopback: internal });
    }
  }
  return found.sort((a, b) => a.family - b.family);
}

/** Of the interfaces that the default routes go through. */
function defaultAddresses(): readonly Address[] {
  const names = new Set<string>();
  for (const line of readRoutes('/proc/net/route')) {
    const [name, destination] = line.split(/\s+/);
    if (destination === '00000000') names.add(name!);
  }
  for (const line of readRoutes('/proc/net/ipv6_route')) {
    const fields = line.trim().split(/\s+/);
    if (/^0{32}$/.test(fields[0] ?? '') && fields[1] === '00' && fields.at(-1) !== 'lo')
      names.add(fields.at(-1)!);
  }
  return allAddresses().filter(({ name }) => names.has(name));
}

function readRoutes(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    // Not this system: then no interface is the default one.
    return [];
  }
}

function blockOf(networks: readonly string[]): BlockList {
  const block = new BlockList();
  for (const network of networks) {
    const [address = '', bits = ''] = network.split('/');
    const family = isIP(address);
    if (family === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128))
      throw new FunctionError(`unable to parse network ${JSON.stringify(network)}`);
    block.addSubnet(address, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  }
  return block;
}

const isWithin = ({ address, family }: Address, block: BlockList): boolean =>
  block.check(address, family === 4 ? 'ipv4' : 'ipv6');

/** What is no address of the public internet: RFC 1918, and those that RFC 6890 sets apart. */
const rfcs: Readonly<Record<string, BlockList>> = {
  '1918': blockOf(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16']),
  '4193': blockOf(['fc00::/7']),
  '6598': blockOf(['100.64.0.0/10']),
  '6890': blockOf([
    ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
    ...['192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15'],
    ...['198.51.100.0/24', '203.0.113.0/24', '240.0.0.0/4', '255.255.255.255/32'],
    ...['::1/128', '::/128', '64:ff9b::/96', '::ffff:0:0/96', '100::/64', '2001::/23', '2001:db8::/32'],
    ...['2002::/16', 'fc00::/7', 'fe80::/10'],
  ]),
};

/** go-sockaddr's: of the default interfaces, and set apart from the internet; loopback and link-local are of no use. */
const useless = blockOf(['127.0.0.0/8', '169.254.0.0/16', '::1/128', 'fe80::/10']);
const isPrivate = (each: Address): boolean => isWithin(each, rfcs['6890']!) && !isWithin(each, useless);
const isPublic = (each: Address): boolean => !isWithin(each, rfcs['6890']!);
const privateAddresses = (): readonly Address[] => defaultAddresses().filter(isPrivate);
const publicAddresses = (): readonly Address[] => defaultAddresses().filter(isPublic);

function test(kind: string, wanted: string): (each: Address) => boolean {
  switch (kind) {
    case 'name':
      return ({ name }) => isMatch(wanted, name);
    case 'address':
      return ({ address }) => isMatch(wanted, address);
    case 'type':
      return typeTest(wanted.toLowerCase());
    case 'network': {
      const block = blockOf(wanted.split(/[|\s]+/));
      return (each) => isWithin(each, block);
    }
    case 'rfc': {
      const block = rfcs[wanted];
      if (block === undefined) throw new FunctionError(`RFC ${wanted} is not known`);
      return (each) => isWithin(each, block);
    }
    case 'flag':
    case 'flags':
      return flagTest(wanted);
    default:
      throw new FunctionError(`unsupported selector ${JSON.stringify(kind)}`);
  }
}

function typeTest(type: string): (each: Address) => boolean {
  if (type === 'ip') return () => true;
  if (type === 'ipv4' || type === 'ipv6') return ({ family }) => `ipv${family}` === type;
  throw new FunctionError(`unsupported type ${JSON.stringify(type)}`);
}

/** The system tells of interfaces that are up, and which are loopbacks. */
function flagTest(flags: string): (each: Address) => boolean {
  const wanted = flags.toLowerCase().split(/[|,\s]+/);
  const known = ['up', 'loopback', 'forwardable'];
  const unknown = wanted.find((flag) => !known.includes(flag));
  if (unknown !== undefined) throw new FunctionError(`flag ${JSON.stringify(unknown)} is not known`);
  return (each) =>
    wanted.every(
      (flag) => flag === 'up' || (flag === 'loopback' ? each.isLoopback : !isWithin(each, useless)),
    );
}

function attribute(name: string, { name: of, address, family, network }: Address): string {
  switch (name) {
    case 'address':
      return address;
    case 'name':
      return of;
    case 'network':
      return network;
    case 'type':
      return `IPv${family}`;
    default:
      throw new FunctionError(`unsupported attribute ${JSON.stringify(name)}`);
  }
}

const source = (read: () => readonly Address[]): TemplateFunction => fixed([], () => listOf(read()));
const firstOf = (read: () => readonly Address[]): TemplateFunction =>
  fixed([], () => read()[0]?.address ?? '');
const allOf = (read: () => readonly Address[]): TemplateFunction =>
  fixed([], () =>
    read()
      .map(({ address }) => address)
      .join(' '),
  );
const onInterface = (name: string): readonly Address[] => allAddresses().filter((each) => each.name === name);

const language: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ['GetAllInterfaces', source(allAddresses)],
  ['GetDefaultInterfaces', source(defaultAddresses)],
  ['GetPrivateInterfaces', source(privateAddresses)],
  ['GetPublicInterfaces', source(publicAddresses)],
  ['GetPrivateIP', firstOf(privateAddresses)],
  ['GetPrivateIPs', allOf(privateAddresses)],
  ['GetPublicIP', firstOf(publicAddresses)],
  ['GetPublicIPs', allOf(publicAddresses)],
  ['GetInterfaceIP', fixed([stringType], ([name]) => onInterface(name as string)[0]?.address ?? '')],
  [
    'GetInterfaceIPs',
    fixed([stringType], ([name]) =>
      onInterface(name as string)
        .map(({ address }) => address)
        .join(' '),
    ),
  ],
  [
    'include',
    fixed([stringType, stringType, addressesType], ([kind, wanted, list]) =>
      listOf(addressesOf(list).filter(test(kind as string, wanted as string))),
    ),
  ],
  [
    'exclude',
    fixed([stringType, stringType, addressesType], ([kind, unwanted, list]) => {
      const isUnwanted = test(kind as string, unwanted as string);
      return listOf(addressesOf(list).filter((each) => !isUnwanted(each)));
    }),
  ],
  [
    'limit',
    fixed([intType, addressesType], ([count, list]) =>
      listOf(addressesOf(list).slice(0, Math.max(0, Number((count as Int).n)))),
    ),
  ],
  [
    'attr',
    fixed([stringType, addressesType], ([name, list]) => {
      const [first] = addressesOf(list);
      return first === undefined ? '' : attribute(name as string, first);
    }),
  ],
  [
    'join',
    fixed([stringType, stringType, addressesType], ([name, separator, list]) =>
      addressesOf(list)
        .map((each) => attribute(name as string, each))
        .join(separator as string),
    ),
  ],
]);

export const socketAddressFunctions: Named = [
  [
    'sockaddr',
    ofManyTexts(0, (...words) => {
      const template = parseTemplate(`{{ ${words.join(' ')} }}`, { functions: language });
      return executeTemplate(template, { functions: language, now: () => performance.now() });
    }),
  ],
];
