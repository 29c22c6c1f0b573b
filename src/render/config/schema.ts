import * as z from 'zod';
import * as v from '../../config/values.ts';
import * as own from './values.ts';

/** Everything a configuration file may hold: consul-template's keys, and ours that it lacks (each marked). */

/** The older form `consul = "address"` is still found in the field. */
const consul = z.preprocess(
  (input) => (typeof input === 'string' ? { address: input } : input),
  z.strictObject({
    address: v.consulAddress.optional(),
    namespace: own.text.optional(),
    /** Ours. */
    datacenter: own.text.optional(),
    /** Ours. */
    hold: v.duration().optional(),
    token: own.text.optional(),
    token_file: own.text.optional(),
    auth: z
      .strictObject({
        enabled: v.flag.optional(),
        username: own.text.optional(),
        password: own.text.optional(),
      })
      .optional(),
    retry: z
      .strictObject({
        enabled: v.flag.optional(),
        attempts: v.integer(0, 1_000_000).optional(),
        backoff: v.duration().optional(),
        max_backoff: v.duration().optional(),
      })
      .optional(),
    ssl: z
      .strictObject({
        enabled: v.flag.optional(),
        verify: v.flag.optional(),
        cert: own.text.optional(),
        key: own.text.optional(),
        ca_cert: own.text.optional(),
        ca_cert_bytes: own.anyText.optional(),
        ca_path: own.text.optional(),
        server_name: v.serverName.optional(),
      })
      .optional(),
    transport: z
      .strictObject({
        dial_keep_alive: v.duration().optional(),
        dial_timeout: v.duration().optional(),
        disable_keep_alives: v.flag.optional(),
        idle_conn_timeout: v.duration().optional(),
        max_idle_conns: v.integer(0, 1_000_000).optional(),
        max_idle_conns_per_host: v.integer(0, 1_000_000).optional(),
        max_conns_per_host: v.integer(0, 1_000_000).optional(),
        tls_handshake_timeout: v.duration().optional(),
      })
      .optional(),
  }),
);

const environment = z.strictObject({
  pristine: v.flag.optional(),
  custom: own.texts.optional(),
  allowlist: own.texts.optional(),
  denylist: own.texts.optional(),
  /** Older names of the two above. */
  whitelist: own.texts.optional(),
  blacklist: own.texts.optional(),
});

const exec = z.strictObject({
  command: own.command.optional(),
  enabled: v.flag.optional(),
  timeout: v.duration().optional(),
  splay: v.duration().optional(),
  kill_signal: own.signal.optional(),
  kill_timeout: v.duration().optional(),
  reload_signal: own.signal.optional(),
  env: environment.optional(),
});

/** The short form `"5s:10s"` is the group written in one text. */
const wait = z.preprocess(
  (input) => {
    const parts = typeof input === 'string' ? input.split(':') : [];
    const [min = '', max = ''] = parts.map((part) => part.trim());
    if (parts.length === 0 || parts.length > 2) return input;
    return { ...(min === '' ? {} : { min }), ...(max === '' ? {} : { max }) };
  },
  z
    .strictObject({
      enabled: v.flag.optional(),
      min: v.duration().optional(),
      max: v.duration().optional(),
    })
    .refine(({ min, max }) => max === undefined || (min ?? 0) <= max, '"max" is shorter than "min"'),
);

const templateShape = z.strictObject({
  source: own.text.optional(),
  contents: own.anyText.optional(),
  destination: own.text.optional(),
  create_dest_dirs: v.flag.optional(),
  perms: own.mode.optional(),
  user: own.text.optional(),
  group: own.text.optional(),
  uid: v.integer(0, 4_294_967_294).optional(),
  gid: v.integer(0, 4_294_967_294).optional(),
  backup: v.flag.optional(),
  left_delimiter: own.text.optional(),
  right_delimiter: own.text.optional(),
  error_on_missing_key: v.flag.optional(),
  error_fatal: v.flag.optional(),
  function_denylist: own.texts.optional(),
  function_blacklist: own.texts.optional(),
  sandbox_path: own.text.optional(),
  wait: wait.optional(),
  exec: exec.optional(),
  command: own.command.optional(),
  command_timeout: v.duration().optional(),
  /** Ours. */
  check: own.command.optional(),
  /** Ours. */
  min_instances: own.minInstances.optional(),
  /** Ours. */
  commit_group: own.text.optional(),
  /** Ours, instead of a source. */
  builtin: z.enum(['nginx', 'haproxy']).optional(),
});

const template = templateShape.check((context) => {
  if (context.issues.length > 0) return;
  const { source, contents, builtin } = context.value;
  if ([source, contents, builtin].filter((each) => each !== undefined && each !== '').length === 1) return;
  const message = 'needs exactly one of "source" and "contents"';
  context.issues.push({ code: 'custom', message, input: context.value });
});

const admin = z.strictObject({
  address: v.address.optional(),
  token: v.secret.optional(),
  token_file: own.text.optional(),
});

const deduplicate = z.strictObject({
  enabled: v.flag.optional(),
  prefix: own.text.optional(),
  /** Consul takes no shorter session. */
  ttl: v.duration({ min: '10s', max: '24h' }).optional(),
  /** Without effect, as at the top. */
  max_stale: v.duration().optional(),
  block_query_wait: v.duration().optional(),
});

const obsolete = z.looseObject({}).optional();

export const fileSchema = z.strictObject({
  consul: consul.optional(),
  template: own.listOf(template).optional(),
  exec: exec.optional(),
  wait: wait.optional(),
  default_delimiters: z.strictObject({ left: own.text.optional(), right: own.text.optional() }).optional(),
  once: v.flag.optional(),
  kill_signal: own.signal.optional(),
  reload_signal: own.signal.optional(),
  log_level: own.level.optional(),
  max_stale: v.duration().optional(),
  block_query_wait: v.duration({ min: '1s', max: '10m' }).optional(),
  pid_file: own.text.optional(),
  template_error_fatal: v.flag.optional(),
  err_on_failed_lookup: v.flag.optional(),
  deduplicate: deduplicate.optional(),
  /** Read so that files load; judged in `legacy.ts`. */
  syslog: obsolete,
  log_file: obsolete,
  vault: obsolete,
  nomad: obsolete,
  /** Ours, from here on. */
  check: own.command.optional(),
  min_instances: own.minInstances.optional(),
  initial_wait: v.flag.optional(),
  reload_interval: v.duration().optional(),
  haproxy_socket: own.text.optional(),
  router_config: own.text.optional(),
  runtime_folder: own.text.optional(),
  data: own.text.optional(),
  admin: admin.optional(),
});

/** What one source says; anything may be missing. */
export type Given = z.output<typeof fileSchema>;
export type GivenTemplate = NonNullable<Given['template']>[number];
export type GivenExec = NonNullable<Given['exec']>;

const known: ReadonlyMap<string, readonly string[]> = new Map([
  ['', Object.keys(fileSchema.shape)],
  ['consul', Object.keys(consul.out.shape)],
  ...(['auth', 'retry', 'ssl', 'transport'] as const).map((name): [string, string[]] => [
    `consul.${name}`,
    Object.keys(consul.out.shape[name].unwrap().shape),
  ]),
  ['template', Object.keys(templateShape.shape)],
  ['wait', ['enabled', 'min', 'max']],
  ['exec', Object.keys(exec.shape)],
  ['env', Object.keys(environment.shape)],
  ['default_delimiters', ['left', 'right']],
  ['deduplicate', Object.keys(deduplicate.shape)],
  ['admin', Object.keys(admin.shape)],
]);

/** The keys that may stand at a place of the file; empty where there is no such place. */
export function keysAt(path: readonly PropertyKey[]): readonly string[] {
  const names = path.filter((part) => typeof part === 'string');
  return known.get(names.join('.')) ?? known.get(String(names.at(-1))) ?? [];
}
