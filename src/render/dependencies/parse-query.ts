import { FunctionError } from '../template/errors.ts';
import { quote } from '../template/quote.ts';
import type { Query, Scope, ServiceQuery } from './query.ts';

/**
 * The arguments of consul-template's functions, `tag.name?query@dc~near|filter`: parts in this order, the whole text
 * must match. Word characters are ASCII's.
 */
const TAG = '(?:(?<tag>[\\w=:.-]+)\\.)?';
const QUERY = '(?:\\?(?<query>[\\w=&-]+))?';
const DC = '(?:@(?<dc>[\\w.-]+))?';
const NEAR = '(?:~(?<near>[\\w.-]+))?';
const FILTER = '(?:\\|(?<filter>[\\w,]+))?';

const forms = {
  service: new RegExp(`^${TAG}(?<name>[\\w-]+)${QUERY}${DC}${NEAR}${FILTER}$`),
  services: new RegExp(`^${QUERY}${DC}$`),
  nodes: new RegExp(`^${QUERY}${DC}${NEAR}$`),
  node: new RegExp(`^(?:(?<name>[\\w.-]+)${QUERY}${DC})?$`),
  key: new RegExp(`^/?(?<name>[^@?]+)${QUERY}${DC}$`),
  peerings: new RegExp(`^${QUERY}$`),
  filter: /^(?<filter>[\w,]+)$/,
  // A name that consul-template refuses: what the catalog holds is not the author's fault.
  oddNode: new RegExp(`^(?<name>[^?@]+)${QUERY}${DC}$`),
};

const STATES: ReadonlySet<string> = new Set(['any', 'passing', 'warning', 'critical', 'maintenance']);
const SCOPE_KEYS = ['ns', 'partition', 'peer', 'sameness-group'] as const;
/** Longer ones are no names; also bounds what the expressions walk over. */
const MAX_CHARS = 2_048;

type Groups = Readonly<Record<string, string | undefined>>;

/** @param label how errors name the kind, as in `health.service: invalid format` */
function match(form: RegExp, text: string, label: string): Groups {
  const groups = text.length > MAX_CHARS ? null : form.exec(text);
  if (groups === null) throw new FunctionError(`${label}: invalid format: ${quote(text.slice(0, 200))}`);
  return groups.groups ?? {};
}

function scopeOf({ dc = '', query = '' }: Groups, label: string): Scope {
  const given = new Map<string, string>();
  for (const part of query.split('&')) {
    if (part === '') continue;
    const [key = '', ...rest] = part.split('=');
    if (!(SCOPE_KEYS as readonly string[]).includes(key)) {
      const keys = SCOPE_KEYS.join(',');
      throw new FunctionError(
        `${label}: invalid query parameter key ${quote(key)} in query ${quote(query)}: supported keys: ${keys}`,
      );
    }
    if (!given.has(key)) given.set(key, rest.join('='));
  }
  return {
    datacenter: dc,
    partition: given.get('partition') ?? '',
    namespace: given.get('ns') ?? '',
    peer: given.get('peer') ?? '',
    samenessGroup: given.get('sameness-group') ?? '',
  };
}

/** `name@dc@partition=p@ns=n…`, as ids spell it. */
function scoped(name: string, scope: Scope): string {
  let text = name;
  if (scope.datacenter !== '') text += `@${scope.datacenter}`;
  if (scope.partition !== '') text += `@partition=${scope.partition}`;
  if (scope.namespace !== '') text += `@ns=${scope.namespace}`;
  return text;
}

function labelled(label: string, text: string): string {
  return text === '' ? label : `${label}(${text})`;
}

/** The argument of `service` or `connect`. */
export function parseService(text: string, isConnect: boolean): ServiceQuery {
  const groups = match(forms.service, text, 'health.service');
  return serviceQuery(groups, groups.name ?? '', groups.tag ?? '', text, isConnect);
}

/** A service of this very name, whatever its characters. */
export function wholeService(name: string, filter: string, isConnect: boolean): ServiceQuery {
  const groups = filter === '' ? {} : match(forms.filter, filter, 'health.service');
  return serviceQuery(groups, name, '', `${name}|${filter}`, isConnect);
}

function serviceQuery(
  groups: Groups,
  name: string,
  tag: string,
  text: string,
  isConnect: boolean,
): ServiceQuery {
  const filters = readFilters(groups.filter, text);
  const scope = scopeOf(groups, 'health.service');
  const near = groups.near ?? '';
  if (scope.samenessGroup !== '' && scope.peer !== '') {
    throw new FunctionError('health.service: cannot specify both peer and sameness-group');
  }
  let shown = scoped(tag === '' ? name : `${tag}.${name}`, scope);
  if (scope.peer !== '') shown += `@peer=${scope.peer}`;
  if (scope.samenessGroup !== '') shown += `@sameness-group=${scope.samenessGroup}`;
  if (near !== '') shown += `~${near}`;
  if (filters.length > 0) shown += `|${filters.join(',')}`;
  const id = `health.${isConnect ? 'connect' : 'service'}(${shown})`;
  return { kind: 'service', id, name, tag, near, filters, isConnect, scope };
}

function readFilters(given: string | undefined, text: string): readonly string[] {
  if (given === undefined) return ['passing'];
  const filters = given.split(',').filter((each) => each !== '');
  for (const filter of filters) {
    if (!STATES.has(filter))
      throw new FunctionError(`health.service: invalid filter: ${quote(filter)} in ${quote(text)}`);
  }
  return filters.sort();
}

export function parseServices(text: string): Query {
  const scope = scopeOf(match(forms.services, text, 'catalog.services'), 'catalog.services');
  return { kind: 'services', id: labelled('catalog.services', scoped('', scope)), scope };
}

export function parseNodes(text: string): Query {
  const groups = match(forms.nodes, text, 'catalog.nodes');
  const scope = scopeOf(groups, 'catalog.nodes');
  const near = groups.near ?? '';
  const shown = scoped('', scope) + (near === '' ? '' : `~${near}`);
  return { kind: 'nodes', id: labelled('catalog.nodes', shown), near, scope };
}

/** Without a name, the node of the local agent. */
export function parseNode(text: string): Query {
  return nodeQuery(match(forms.node, text, 'catalog.node'));
}

/** With a name of any characters. */
export function parseWholeNode(text: string): Query | null {
  const groups = text.length > MAX_CHARS ? undefined : forms.oddNode.exec(text)?.groups;
  return groups === undefined ? null : nodeQuery(groups);
}

function nodeQuery(groups: Groups): Query {
  const name = groups.name ?? '';
  const scope = scopeOf(groups, 'catalog.node');
  return { kind: 'node', id: labelled('catalog.node', scoped(name, scope)), name, scope };
}

/** `key` waits for its key; `keyExists` and `keyOrDefault` take its absence for an answer. */
export function parseKey(text: string, isAwaited: boolean): Query {
  const groups = match(forms.key, text, 'kv.get');
  const key = groups.name ?? '';
  const scope = scopeOf(groups, 'kv.get');
  const id = `kv.${isAwaited ? 'block' : 'get'}(${scoped(key, scope)})`;
  return { kind: 'key', id, key, isAwaited, scope };
}

export function parseKeys(text: string): Query {
  const groups = match(forms.key, text, 'kv.list');
  const prefix = groups.name ?? '';
  const scope = scopeOf(groups, 'kv.list');
  return { kind: 'keys', id: `kv.list(${scoped(prefix, scope)})`, prefix, scope };
}

export function parsePeerings(text: string): Query {
  const { partition } = scopeOf(match(forms.peerings, text, 'list.peering'), 'list.peering');
  const id = partition === '' ? 'list.peerings' : `list.peerings?partition=${partition}`;
  return { kind: 'peerings', id, partition };
}

/**
 * consul-template gives both kinds one id, so that a template with both gets one answer for both; here those that
 * fail are dropped for those who ask for it only.
 */
export function datacentersQuery(isProbed: boolean): Query {
  return {
    kind: 'datacenters',
    id: isProbed ? 'catalog.datacenters(true)' : 'catalog.datacenters',
    isProbed,
  };
}

export const rootsQuery: Query = { kind: 'roots', id: 'connect.caroots' };
export const partitionsQuery: Query = { kind: 'partitions', id: 'list.partitions' };

export function leafQuery(service: string): Query {
  return { kind: 'leaf', id: `connect.caleaf(${service})`, service };
}

export function exportsQuery(partition: string): Query {
  return { kind: 'exports', id: `list.exportedServices(${partition})`, partition };
}

export function importsQuery(partition: string): Query {
  return { kind: 'imports', id: `list.importedServices(${partition})`, partition };
}

export function fileQuery(path: string): Query {
  return { kind: 'file', id: `file(${path})`, path };
}
