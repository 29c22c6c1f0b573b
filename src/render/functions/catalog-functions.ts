import {
  datacentersQuery,
  exportsQuery,
  importsQuery,
  leafQuery,
  parseNode,
  parseNodes,
  parsePeerings,
  parseService,
  parseServices,
  parseWholeNode,
  partitionsQuery,
  rootsQuery,
  wholeService,
} from '../dependencies/parse-query.ts';
import type { Query, ServiceQuery } from '../dependencies/query.ts';
import {
  exportsType,
  importsType,
  nodesType,
  partitionsType,
  peeringsType,
  rootsType,
  servicesType,
  snippetsType,
} from '../dependencies/types.ts';
import { FunctionError } from '../template/errors.ts';
import { fixed, type TemplateFunction, variadic } from '../template/functions.ts';
import { boolType, type GoType, stringListType, stringType } from '../template/kinds.ts';
import { quote } from '../template/quote.ts';
import { List, type Value } from '../template/values.ts';
import { type Named, ofManyTexts } from './define.ts';
import type { World } from './world.ts';

const NAME = /^[\w-]+$/;

/** Templates that range over all services ask for the same ones in every run. */
const MAX_REMEMBERED = 20_000;
const remembered = { service: new Map<string, ServiceQuery>(), connect: new Map<string, ServiceQuery>() };

function parsedService(text: string, isConnect: boolean): ServiceQuery {
  const queries = isConnect ? remembered.connect : remembered.service;
  const known = queries.get(text);
  if (known !== undefined) return known;
  const query = parseService(text, isConnect);
  if (queries.size >= MAX_REMEMBERED) queries.clear();
  queries.set(text, query);
  return query;
}

/**
 * What `service` is asked for. A name that the catalog has is that service, also where its dots and odd characters
 * mean something in consul-template's grammar, which would fail or ask for something else: one oddly named service
 * must not keep a file with all services from being rendered.
 */
function serviceQuery(world: World, texts: readonly string[], isConnect: boolean): ServiceQuery {
  const [name = '', ...filters] = texts;
  const text = texts.join('|');
  if (NAME.test(name)) return parsedService(text, isConnect);
  const parsed = attempt(() => parsedService(text, isConnect));
  if (world.isListed(name)) {
    if (parsed instanceof FunctionError) return wholeService(name, filters.join('|'), isConnect);
    const isPlainDot = parsed.tag !== '' && name === `${parsed.tag}.${parsed.name}`;
    if (!isPlainDot || !world.isListed(parsed.name)) return wholeService(name, filters.join('|'), isConnect);
    world.warn(
      `service ${quote(name)} is taken for ${quote(parsed.name)} with the tag ${quote(parsed.tag)}, although there is a service of that whole name`,
    );
    return parsed;
  }
  if (!(parsed instanceof FunctionError)) return parsed;
  if (!/^[^?@~|]+$/.test(name)) throw parsed;
  world.warn(`${quote(name)} is no name that consul-template knows how to ask for; asked for as it is`);
  return wholeService(name, filters.join('|'), isConnect);
}

function attempt<T>(run: () => T): T | FunctionError {
  try {
    return run();
  } catch (error) {
    if (error instanceof FunctionError) return error;
    throw error;
  }
}

/** The list that answers a query; an empty one while there is none. */
function listOf(world: World, query: Query, type: GoType): Value {
  return world.ask(query) ?? new List(type, []);
}

function instances(world: World, isConnect: boolean): TemplateFunction {
  return ofManyTexts(0, (...texts) => {
    if ((texts[0] ?? '') === '') return new List(servicesType, []);
    return listOf(world, serviceQuery(world, texts, isConnect), servicesType);
  });
}

function nodeQuery(text: string): Query {
  const parsed = attempt(() => parseNode(text));
  if (!(parsed instanceof FunctionError)) return parsed;
  const whole = parseWholeNode(text);
  if (whole === null) throw parsed;
  return whole;
}

function datacenters(world: World, args: readonly Value[]): Value {
  if (args.length > 1) {
    throw new FunctionError(
      `datacenters: wrong number of arguments, expected 0 or 1, but got ${args.length}`,
    );
  }
  return listOf(world, datacentersQuery(args[0] === true), stringListType);
}

/** What reads Consul's catalog, and what else it knows of its cluster. */
export function catalogFunctions(world: World): Named {
  return [
    ['service', instances(world, false)],
    ['connect', instances(world, true)],
    ['services', ofManyTexts(0, (...texts) => listOf(world, parseServices(texts.join('')), snippetsType))],
    ['nodes', ofManyTexts(0, (...texts) => listOf(world, parseNodes(texts.join('')), nodesType))],
    ['node', ofManyTexts(0, (...texts) => world.ask(nodeQuery(texts.join(''))) ?? null)],
    ['datacenters', variadic([], boolType, (args) => datacenters(world, args))],
    ['caRoots', ofManyTexts(0, () => world.ask(rootsQuery) ?? new List(rootsType, [], true))],
    [
      'caLeaf',
      ofManyTexts(0, (service = '') => (service === '' ? null : (world.ask(leafQuery(service)) ?? null))),
    ],
    ['partitions', fixed([], () => listOf(world, partitionsQuery, partitionsType))],
    ['peerings', ofManyTexts(0, (...texts) => listOf(world, parsePeerings(texts.join('')), peeringsType))],
    [
      'exportedServices',
      ofManyTexts(0, (...texts) => {
        if (texts.length > 1)
          throw new FunctionError('exportedServices: wrong number of arguments, expected 0 or 1');
        return listOf(world, exportsQuery(texts[0] ?? ''), exportsType);
      }),
    ],
    [
      'importedServices',
      fixed([stringType], ([partition]) => {
        if (partition === '') throw new FunctionError('importedServices: partition name is required');
        return listOf(world, importsQuery(partition as string), importsType);
      }),
    ],
  ];
}
