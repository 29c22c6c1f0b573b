import * as z from 'zod';
import { resolveRedisUrl } from './redis-url.ts';
import { intact, origin, problem, readNamed, type Sources, warn } from './sources.ts';
import { quote } from './units.ts';
import * as v from './values.ts';

/** Certificates that are ordered and renewed by themselves (RFC 8555). */
export interface AcmeConfig {
  readonly email: string | null;
  /** URL of the authority's directory. */
  readonly directory: string;
  readonly agreeTerms: boolean;
  /** Authorities to trust when talking to the directory, instead of the system's. */
  readonly caFile: string | null;
  readonly eab: { readonly kid: string; readonly hmacKey: string } | null;
  /** Names to have certificates for, beside those of routes. */
  readonly names: readonly string[];
  readonly store: {
    readonly kind: 'file' | 'consul' | 'redis';
    readonly prefix: string;
    /** What values are encrypted with; null stores them as they are. */
    readonly secret: string | null;
    /** For `redis` alone. */
    readonly redisUrl: string | null;
  };
  /** In order of preference. */
  readonly challenges: readonly ChallengeType[];
  readonly dns: {
    readonly command: readonly string[];
    readonly timeoutMs: number;
    readonly propagationMs: number;
  } | null;
  readonly onDemand: {
    readonly allow: readonly string[];
    readonly ask: string | null;
    readonly namesPerHour: number;
  } | null;
  readonly keyType: KeyType;
  readonly profile: string | null;
  readonly preferredChain: string | null;
  /** Names that only an authority of one's own would sign. */
  readonly privateNames: boolean;
  /** Of all replicas together. */
  readonly ordersPerHour: number;
  /** Of this replica. */
  readonly ordersAtOnce: number;
  readonly settleMs: number;
}

export type ChallengeType = 'http-01' | 'tls-alpn-01' | 'dns-01';
export type KeyType = 'ec256' | 'ec384' | 'rsa2048' | 'rsa4096';

const directories = new Map([
  ['letsencrypt', 'https://acme-v02.api.letsencrypt.org/directory'],
  ['letsencrypt-staging', 'https://acme-staging-v02.api.letsencrypt.org/directory'],
  ['zerossl', 'https://acme.zerossl.com/v2/DV90'],
]);

const directory = v.text.transform((text, context): string => {
  const url = directories.get(text) ?? text;
  if (/^https:\/\/[^\s@/]+/.test(url) && URL.canParse(url)) return url;
  const message = `${quote(text)} is neither ${[...directories.keys()].join(', ')} nor an https:// URL`;
  context.issues.push({ code: 'custom', message, input: text });
  return z.NEVER;
});
const email = v.text.refine((text) => /^[^\s@,?]+@[^\s@,?]+$/.test(text), 'is not an e-mail address');
const prefix = v.text.refine(
  (text) => /^[\w.-]+(\/[\w.-]+)*$/.test(text),
  'may have letters, digits, "_", ".", "-", and "/" between them',
);
const ask = v.text.refine(
  (text) => /^https?:\/\//.test(text) && URL.canParse(text),
  'is not an http(s):// URL',
);

/** `tls.acme`. The group by itself turns it on. */
export const acmeSchema = z
  .strictObject({
    email: email.nullish(),
    directory: directory.optional(),
    agreeTerms: v.flag.optional(),
    caFile: v.text.nullish(),
    eab: z
      .strictObject({ kid: v.secret, hmacKey: v.secret.nullish(), hmacKeyFile: v.text.nullish() })
      .nullish(),
    names: v.words.optional(),
    store: v.acmeStore.optional(),
    storePrefix: prefix.optional(),
    storeKeyFile: v.text.nullish(),
    redis: z.strictObject({ url: v.secret.nullish(), urlFile: v.text.nullish() }).nullish(),
    challenges: v.challenges.optional(),
    dns: z
      .strictObject({
        command: v.words,
        timeout: v.duration({ min: '1s', max: '1h' }).optional(),
        propagation: v.duration({ max: '1h' }).optional(),
      })
      .nullish(),
    onDemand: z
      .strictObject({
        allow: v.words.optional(),
        ask: ask.nullish(),
        namesPerHour: v.integer(1, 100_000).optional(),
      })
      .nullish(),
    keyType: v.keyType.optional(),
    profile: v.text.nullish(),
    preferredChain: v.text.nullish(),
    privateNames: v.flag.optional(),
    ordersPerHour: v.integer(1, 100_000).optional(),
    ordersAtOnce: v.integer(1, 100).optional(),
    settle: v.duration({ max: '5m' }).optional(),
  })
  .nullish();

type Given = NonNullable<z.output<typeof acmeSchema>>;

/** Shortest content of `storeKeyFile`: 128 bits, if it is random. */
const shortestSecret = 16;

/** null turns it off. `redisUrl` is REDIS_URL. */
export function resolveAcme(
  given: Given | null,
  sources: Sources,
  { redisUrl }: { readonly redisUrl: string | null },
): AcmeConfig | null {
  if (given === null) return null;
  const url = given.directory ?? (directories.get('letsencrypt') as string);
  if (given.caFile != null) readNamed(sources, 'tls.acme.caFile', given.caFile);
  return {
    email: given.email ?? null,
    directory: url,
    agreeTerms: resolveTerms(given, sources),
    caFile: given.caFile ?? null,
    eab: resolveEab(given, url, sources),
    names: given.names ?? [],
    store: {
      kind: given.store ?? 'file',
      prefix: given.storePrefix ?? 'fairlead',
      secret: resolveSecret(given, sources),
      redisUrl: resolveRedis(given, sources, redisUrl),
    },
    challenges: resolveChallenges(given, sources),
    dns: given.dns
      ? {
          command: given.dns.command,
          timeoutMs: given.dns.timeout ?? 120_000,
          propagationMs: given.dns.propagation ?? 30_000,
        }
      : null,
    onDemand: resolveOnDemand(given, sources),
    keyType: given.keyType ?? 'ec256',
    profile: given.profile ?? null,
    preferredChain: given.preferredChain ?? null,
    privateNames: given.privateNames ?? false,
    ordersPerHour: given.ordersPerHour ?? 60,
    ordersAtOnce: given.ordersAtOnce ?? 4,
    settleMs: given.settle ?? 1000,
  };
}

function resolveTerms({ agreeTerms = true }: Given, sources: Sources): boolean {
  if (!agreeTerms) {
    const message = 'tls.acme.agreeTerms: authorities make no account without it';
    warn(sources, origin(sources, 'tls.acme.agreeTerms'), message);
  }
  return agreeTerms;
}

function resolveEab({ eab }: Given, url: string, sources: Sources): AcmeConfig['eab'] {
  const at = origin(sources, 'tls.acme.eab') ?? origin(sources, 'tls.acme');
  if (eab == null) {
    if (url === directories.get('zerossl') && intact(sources, 'tls.acme')) {
      problem(sources, at, 'tls.acme.directory: zerossl needs tls.acme.eab');
    }
    return null;
  }
  const { kid, hmacKey, hmacKeyFile } = eab;
  if (hmacKeyFile == null && hmacKey == null) {
    if (intact(sources, 'tls.acme.eab')) {
      problem(sources, at, 'tls.acme.eab needs hmacKey or hmacKeyFile');
    }
    return null;
  }
  const content = hmacKeyFile == null ? hmacKey : readNamed(sources, 'tls.acme.eab.hmacKeyFile', hmacKeyFile);
  if (content == null) return null;
  const key = content.trim();
  if (/^[\w+/-]+=*$/.test(key)) return { kid, hmacKey: key };
  problem(sources, at, 'tls.acme.eab: the HMAC key is not base64 text');
  return null;
}

function resolveSecret({ storeKeyFile }: Given, sources: Sources): string | null {
  if (storeKeyFile == null) return null;
  const content = readNamed(sources, 'tls.acme.storeKeyFile', storeKeyFile);
  if (content === null) return null;
  const secret = content.trim();
  if (secret.length >= shortestSecret) return secret;
  const message = `tls.acme.storeKeyFile: ${storeKeyFile} holds less than ${shortestSecret} characters`;
  problem(sources, origin(sources, 'tls.acme.storeKeyFile'), message);
  return null;
}

function resolveRedis(
  { store, redis }: Given,
  sources: Sources,
  environmentUrl: string | null,
): string | null {
  if (store !== 'redis' || !intact(sources, 'tls.acme.redis')) return null;
  const at = origin(sources, 'tls.acme.redis') ?? origin(sources, 'tls.acme.store');
  return resolveRedisUrl(redis ?? {}, { key: 'tls.acme.redis', at }, sources, environmentUrl);
}

function resolveChallenges({ challenges, dns }: Given, sources: Sources): readonly ChallengeType[] {
  const hasDns = dns != null;
  if (challenges === undefined) return ['http-01', 'tls-alpn-01', ...(hasDns ? (['dns-01'] as const) : [])];
  if (challenges.includes('dns-01') && !hasDns && intact(sources, 'tls.acme.dns')) {
    problem(
      sources,
      origin(sources, 'tls.acme.challenges'),
      'tls.acme.challenges: dns-01 needs tls.acme.dns',
    );
  }
  return challenges;
}

function resolveOnDemand({ onDemand }: Given, sources: Sources): AcmeConfig['onDemand'] {
  if (onDemand == null) return null;
  const { allow = [], ask: url = null, namesPerHour = 10 } = onDemand;
  if (allow.length === 0 && url === null && intact(sources, 'tls.acme.onDemand')) {
    const message =
      'tls.acme.onDemand needs allow or ask: without a rule anybody could have certificates ordered';
    problem(sources, origin(sources, 'tls.acme.onDemand'), message);
  }
  return { allow: allow.map((pattern) => pattern.toLowerCase()), ask: url, namesPerHour };
}
