import { isIPv4, isIPv6 } from 'node:net';
import { ApiError } from './errors.ts';
import type { Fields } from './fields.ts';
import type { ServiceFacts, Status, TaggedAddresses, Weights } from './shapes.ts';

/** What a check runs, and how its result counts. Durations in milliseconds. */
export interface CheckSpec {
  readonly id: string;
  readonly name: string;
  readonly notes: string;
  readonly serviceId: string;
  readonly status: Status;
  readonly probe: Probe;
  readonly successBeforePassing: number;
  readonly failuresBeforeCritical: number;
  /** 0 leaves a critical service registered. */
  readonly deregisterAfterMs: number;
}

export type Probe =
  | { readonly kind: 'ttl'; readonly ttlMs: number }
  | {
      readonly kind: 'http';
      readonly url: string;
      readonly method: string;
      readonly headers: Readonly<Record<string, readonly string[]>>;
      readonly body: string;
      readonly skipVerify: boolean;
      readonly intervalMs: number;
      readonly timeoutMs: number;
    }
  | {
      readonly kind: 'tcp';
      readonly address: string;
      readonly intervalMs: number;
      readonly timeoutMs: number;
    };

const STATUSES: readonly string[] = ['passing', 'warning', 'critical'];
/** Consul's default for checks without `Timeout`. */
const DEFAULT_TIMEOUT_MS = 10_000;
const UNSUPPORTED = ['Args', 'ScriptArgs', 'DockerContainerID', 'GRPC', 'AliasNode', 'AliasService'];

export const isStatus = (text: string): text is Status => STATUSES.includes(text);

const invalid = (message: string): never => {
  throw new ApiError(400, message);
};

/** The service of a registration, without its checks. */
export function serviceFacts(fields: Fields, nameField: 'Name' | 'Service'): ServiceFacts {
  const name = fields.text(nameField);
  if (name === '') invalid('Missing service name');
  const address = fields.text('Address');
  if (address === '0.0.0.0' || address === '::') invalid('Invalid service address');
  const port = fields.integer('Port');
  const tagged = taggedAddresses(fields, address, port);
  return {
    ID: fields.text('ID') || name,
    Service: name,
    Tags: fields.texts('Tags'),
    Address: address,
    ...(tagged && { TaggedAddresses: tagged }),
    Meta: fields.map('Meta'),
    Port: port,
    Weights: weights(fields),
    EnableTagOverride: fields.flag('EnableTagOverride'),
  };
}

/** The checks of a registration: `Check`, then `Checks`, named `service:ID` or `service:ID:N` when there are more. */
export function serviceChecks(fields: Fields, service: ServiceFacts): readonly CheckSpec[] {
  const written = [...(fields.has('Check') ? [fields.object('Check')] : []), ...fields.objects('Checks')];
  return written.flatMap((check, i) => {
    const id = `service:${service.ID}${written.length > 1 ? `:${i + 1}` : ''}`;
    const spec = checkSpec(check, id, `Service '${service.Service}' check`, service.ID);
    return spec ? [spec] : [];
  });
}

/** One check, or null when it says nothing to run (Consul accepts and ignores that). */
export function checkSpec(fields: Fields, id: string, name: string, serviceId: string): CheckSpec | null {
  const unsupported = UNSUPPORTED.find((field) => fields.has(field));
  if (unsupported) invalid(`Invalid check: ${unsupported} is not supported by the embedded registry`);
  const probe = probeOf(fields);
  if (!probe) return null;
  return {
    id: fields.text('CheckID') || fields.text('ID') || id,
    name: fields.text('Name') || name,
    notes: fields.text('Notes'),
    serviceId,
    status: statusOf(fields, 'critical'),
    probe,
    successBeforePassing: fields.integer('SuccessBeforePassing'),
    failuresBeforeCritical: fields.integer('FailuresBeforeCritical'),
    deregisterAfterMs: fields.duration('DeregisterCriticalServiceAfter'),
  };
}

export function statusOf(fields: Fields, absent: Status): Status {
  const status = fields.text('Status') || absent;
  return isStatus(status) ? status : invalid("Status for checks must 'passing', 'warning', 'critical'");
}

function probeOf(fields: Fields): Probe | null {
  const intervalMs = fields.duration('Interval');
  const timeoutMs = fields.duration('Timeout') || DEFAULT_TIMEOUT_MS;
  const url = fields.text('HTTP');
  const address = fields.text('TCP');
  const ttlMs = fields.duration('TTL');
  if ((url !== '' || address !== '') && intervalMs <= 0) {
    invalid('Invalid check: Interval must be > 0 for Script, HTTP, or TCP checks');
  }
  if (intervalMs > 0 && ttlMs > 0) invalid('Invalid check: Interval and TTL cannot both be specified');
  if (url !== '') {
    const headers = fields.lists('Header');
    const method = fields.text('Method') || 'GET';
    const skipVerify = fields.flag('TLSSkipVerify');
    return {
      kind: 'http',
      url,
      method,
      headers,
      body: fields.text('Body'),
      skipVerify,
      intervalMs,
      timeoutMs,
    };
  }
  if (address !== '') return { kind: 'tcp', address, intervalMs, timeoutMs };
  if (ttlMs > 0) return { kind: 'ttl', ttlMs };
  if (intervalMs > 0) invalid('Invalid check: TTL must be > 0 for TTL checks');
  return null;
}

function weights(fields: Fields): Weights {
  if (!fields.has('Weights')) return { Passing: 1, Warning: 1 };
  const written = fields.object('Weights');
  const [Passing, Warning] = [written.integer('Passing'), written.integer('Warning')];
  if (Passing < 1) invalid('Invalid Weights: Passing must be greater than 0');
  if (Warning < 0) invalid('Invalid Weights: Warning must be greater or equal than 0');
  if (Passing > 65_535 || Warning > 65_535)
    invalid('Invalid Weights: DNS Weight must be between 0 and 65535');
  return { Passing, Warning };
}

/** Consul derives these from an address that is an IP. */
function taggedAddresses(fields: Fields, address: string, port: number): TaggedAddresses | null {
  const tagged: Record<string, { Address: string; Port: number }> = {};
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : null;
  if (family) {
    tagged[`lan_${family}`] = { Address: address, Port: port };
    tagged[`wan_${family}`] = { Address: address, Port: port };
  }
  for (const name of ['lan', 'wan', 'lan_ipv4', 'wan_ipv4', 'lan_ipv6', 'wan_ipv6']) {
    const written = fields.object('TaggedAddresses');
    if (!written.has(name)) continue;
    tagged[name] = {
      Address: written.object(name).text('Address'),
      Port: written.object(name).integer('Port'),
    };
  }
  return Object.keys(tagged).length > 0 ? tagged : null;
}
