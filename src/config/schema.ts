import * as z from 'zod';
import { acmeSchema } from './acme.ts';
import * as v from './values.ts';

/** An empty group (`consul:` with everything commented out) is the same as no group. */
function section<T extends z.core.$ZodLooseShape>(shape: T) {
  return z.preprocess((input) => (input === null ? {} : input), z.strictObject(shape)).optional();
}

const consul = section({
  address: v.consulAddress.optional(),
  token: v.secret.nullish(),
  tokenFile: v.text.nullish(),
  datacenter: v.text.nullish(),
  namespace: v.text.nullish(),
  tls: section({
    caFile: v.text.nullish(),
    certFile: v.text.nullish(),
    keyFile: v.text.nullish(),
    serverName: v.serverName.nullish(),
    verify: v.flag.optional(),
  }),
  health: v.health.optional(),
  connections: v.integer(1, 10_000).optional(),
  // Consul itself cuts a longer wait to 10m.
  wait: v.duration({ min: '1s', max: '10m' }).optional(),
  hold: v.duration().optional(),
  forget: v.duration().optional(),
});

const listener = z.strictObject({
  address: v.address,
  protocol: v.protocol.optional(),
  proxyProtocol: v.flag.optional(),
  http2: v.flag.optional(),
  h2c: v.flag.optional(),
});
const listenerName = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/i);

const route = z
  .strictObject({ rule: v.text, to: v.endpoints.optional(), service: v.text.optional() })
  .check((context) => {
    if (context.issues.length > 0) return;
    const { rule, to, service } = context.value;
    const reason = targetProblem(rule, to, service);
    if (reason !== null) context.issues.push({ code: 'custom', message: reason, input: context.value });
  });

function targetProblem(
  rule: string,
  to: readonly string[] | undefined,
  service: string | undefined,
): string | null {
  if (to !== undefined && service !== undefined) return 'a route has either "to" or "service", not both';
  if (to !== undefined && to.length === 0) return '"to" lists no instance';
  if (to !== undefined || service !== undefined) return null;
  return /(^|\s)redirect=/.test(rule) ? null : 'a route needs "to" or "service" unless its rule redirects';
}

const clientAuth = z.strictObject({
  hosts: v.hosts,
  caFile: v.text,
  mode: v.clientAuthMode.optional(),
});

const certificate = z
  .strictObject({
    folder: v.text.optional(),
    certFile: v.text.optional(),
    keyFile: v.text.optional(),
    pkcs12File: v.text.optional(),
    passwordFile: v.text.optional(),
    consulKv: v.text.optional(),
    redis: section({ url: v.text.optional(), urlFile: v.text.optional(), prefix: v.text.optional() }),
  })
  .check((context) => {
    if (context.issues.length > 0) return;
    const reason = originProblem(context.value);
    if (reason !== null) context.issues.push({ code: 'custom', message: reason, input: context.value });
  });

const origins = ['folder', 'certFile', 'pkcs12File', 'consulKv', 'redis'] as const;

function originProblem(given: Readonly<Record<string, unknown>>): string | null {
  const has = (key: string): boolean => given[key] !== undefined;
  const named = origins.filter(has);
  if (has('keyFile') && !has('certFile')) return '"keyFile" needs "certFile" as well';
  if (named.length !== 1) return `needs exactly one of ${origins.join(', ')}`;
  if (has('passwordFile') && !has('folder') && !has('pkcs12File'))
    return '"passwordFile" is for "folder" and "pkcs12File"';
  if (has('consulKv') && /^\/*$/.test(String(given.consulKv))) return '"consulKv" names no folder of keys';
  return null;
}

const tls = section({
  certificates: z.array(certificate).nullish(),
  default: v.certificateName.nullish(),
  strict: v.flag.optional(),
  acme: acmeSchema,
  redirectPort: v.integer(1, 65_535).nullish(),
  hsts: section({
    // Seconds, as in the field itself (RFC 6797, 6.1.1).
    maxAge: v.integer(0, 2_147_483_647).nullish(),
    includeSubDomains: v.flag.optional(),
    preload: v.flag.optional(),
  }),
  clientAuth: z.array(clientAuth).nullish(),
});

/** How instances with `proto=https` or `proto=h2` are to prove who they are, and we to them. */
const upstreamTls = section({
  caFile: v.text.nullish(),
  certFile: v.text.nullish(),
  keyFile: v.text.nullish(),
  serverName: v.serverName.nullish(),
});

const timeout = v.duration({ min: '1ms' }).optional();

/** Everything `fairlead.yaml` may hold. Every key is optional; unknown ones are problems. */
export const fileSchema = z.strictObject({
  consul,
  listeners: z.record(listenerName, listener).nullish(),
  tcp: section({
    ports: v.portRange.nullish(),
    address: v.bindAddress.optional(),
    proxyProtocol: v.flag.optional(),
  }),
  udp: section({ ports: v.portRange.nullish(), address: v.bindAddress.optional() }),
  admin: section({ address: v.address.optional(), token: v.secret.nullish(), tokenFile: v.text.nullish() }),
  trustedProxies: v.cidrs.optional(),
  dialects: section({
    fairlead: v.flag.optional(),
    fabio: section({
      enabled: v.flag.optional(),
      tagPrefix: v.text.optional(),
      kvPath: v.text.nullish(),
    }),
  }),
  routes: z.array(route).nullish(),
  tls,
  upstreamTls,
  limits: section({
    head: v.size({ min: '1KiB', max: '1MiB' }).optional(),
    fields: v.integer(1, 10_000).optional(),
    uri: v.size({ min: '64B', max: '1MiB' }).optional(),
    body: v.size().optional(),
    bodyRate: v.size({ max: '1GiB' }).optional(),
    connections: v.integer(0, 10_000_000).optional(),
    connectionsPerClient: v.integer(0, 1_000_000).optional(),
    requestsPerConnection: v.integer(0, 1_000_000_000).optional(),
    queue: v.integer(0, 1_000_000).optional(),
    streams: v.integer(1, 10_000).optional(),
    udpSessions: v.integer(0, 1_000_000).optional(),
  }),
  timeouts: section({
    handshake: timeout,
    head: timeout,
    idle: timeout,
    queue: timeout,
    connect: timeout,
    response: timeout,
    streamIdle: timeout,
    tunnelIdle: timeout,
    tcpIdle: timeout,
    udpIdle: timeout,
    upstreamIdle: timeout,
    drain: v.duration().optional(),
  }),
  balance: section({ slowStart: v.duration({ max: '1h' }).optional() }),
  workers: v.workers.optional(),
  data: v.text.optional(),
  log: section({ level: v.logLevel.optional() }),
  accessLog: v.accessLog.optional(),
});

/** What one source (file, environment, flags) says; anything may be missing. */
export type Given = z.output<typeof fileSchema>;

type Complete<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]-?: Complete<Exclude<T[K], undefined>> }
    : T;

/** All sources together over the defaults: nothing is missing. */
export type Settings = Complete<Given>;

/**
 * Single values by dotted key, such as `consul.tls.caFile`. Lists of groups and maps of names are not
 * among them.
 */
export const valueSchemas: ReadonlyMap<string, z.ZodType> = new Map(collect(fileSchema, []));

function* collect(schema: z.ZodType, path: readonly string[]): Generator<[string, z.ZodType]> {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodObject) {
    for (const [key, child] of Object.entries(inner.shape))
      yield* collect(child as z.ZodType, [...path, key]);
  } else if (inner instanceof z.ZodPipe) {
    yield [path.join('.'), inner];
  }
}

/** The keys that may stand at a place of the file; empty where names are free or there is no such place. */
export function keysAt(path: readonly PropertyKey[]): readonly string[] {
  let schema = unwrap(fileSchema);
  for (const key of path) {
    if (schema instanceof z.ZodObject) schema = unwrap(schema.shape[key as string] as z.ZodType);
    else if (schema instanceof z.ZodRecord) schema = unwrap(schema.valueType as z.ZodType);
    else if (schema instanceof z.ZodArray) schema = unwrap(schema.element as z.ZodType);
    else return [];
  }
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function unwrap(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable)
    return unwrap(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodPipe && schema.out instanceof z.ZodObject) return schema.out;
  return schema;
}
