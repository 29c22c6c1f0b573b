/** What a flag of the command line sets. Names as consul-template has them, without their dashes. */
export type FlagTarget =
  /** A key of the configuration; its value is judged where the file's values are. */
  | { readonly kind: 'key'; readonly path: readonly string[]; readonly boolean?: true }
  /** The same for a list to which each use adds. */
  | { readonly kind: 'item'; readonly path: readonly string[] }
  /** About this run, never in a file. */
  | { readonly kind: 'run'; readonly name: RunFlag; readonly boolean?: true };

export type RunFlag = 'config' | 'template' | 'builtin' | 'confd' | 'dry' | 'parse-only' | 'help' | 'version';

const key = (...path: string[]): FlagTarget => ({ kind: 'key', path });
const toggle = (...path: string[]): FlagTarget => ({ kind: 'key', path, boolean: true });
const item = (...path: string[]): FlagTarget => ({ kind: 'item', path });
const run = (name: RunFlag): FlagTarget => ({ kind: 'run', name });
const runToggle = (name: RunFlag): FlagTarget => ({ kind: 'run', name, boolean: true });

export const flagTable: ReadonlyMap<string, FlagTarget> = new Map([
  ['config', run('config')],
  ['template', run('template')],
  ['builtin', run('builtin')],
  ['confd', run('confd')],
  ['once', toggle('once')],
  ['dry', runToggle('dry')],
  ['parse-only', runToggle('parse-only')],
  ['check', key('check')],
  ['min-instances', item('min_instances')],
  ['initial-wait', toggle('initial_wait')],
  ['reload-interval', key('reload_interval')],
  ['haproxy-socket', key('haproxy_socket')],
  ['router-config', key('router_config')],
  ['runtime-folder', key('runtime_folder')],
  ['data', key('data')],
  ['admin', key('admin', 'address')],
  ['admin-token-file', key('admin', 'token_file')],
  ['wait', key('wait')],
  ['exec', key('exec', 'command')],
  ['exec-kill-signal', key('exec', 'kill_signal')],
  ['exec-kill-timeout', key('exec', 'kill_timeout')],
  ['exec-reload-signal', key('exec', 'reload_signal')],
  ['exec-splay', key('exec', 'splay')],
  ['exec-env-pristine', toggle('exec', 'env', 'pristine')],
  ['exec-env-custom', item('exec', 'env', 'custom')],
  ['exec-env-allowlist', item('exec', 'env', 'allowlist')],
  ['exec-env-denylist', item('exec', 'env', 'denylist')],
  ['exec-env-whitelist', item('exec', 'env', 'allowlist')],
  ['exec-env-blacklist', item('exec', 'env', 'denylist')],
  ['consul-addr', key('consul', 'address')],
  /** Its name before 0.19. */
  ['consul', key('consul', 'address')],
  ['consul-token', key('consul', 'token')],
  ['consul-token-file', key('consul', 'token_file')],
  ['consul-datacenter', key('consul', 'datacenter')],
  ['consul-hold', key('consul', 'hold')],
  ['consul-auth', key('consul', 'auth', 'username')],
  ['consul-retry', toggle('consul', 'retry', 'enabled')],
  ['consul-retry-attempts', key('consul', 'retry', 'attempts')],
  ['consul-retry-backoff', key('consul', 'retry', 'backoff')],
  ['consul-retry-max-backoff', key('consul', 'retry', 'max_backoff')],
  ['retry', key('consul', 'retry', 'backoff')],
  ['consul-ssl', toggle('consul', 'ssl', 'enabled')],
  ['consul-ssl-verify', toggle('consul', 'ssl', 'verify')],
  ['consul-ssl-cert', key('consul', 'ssl', 'cert')],
  ['consul-ssl-key', key('consul', 'ssl', 'key')],
  ['consul-ssl-ca-cert', key('consul', 'ssl', 'ca_cert')],
  ['consul-ssl-ca-path', key('consul', 'ssl', 'ca_path')],
  ['consul-ssl-server-name', key('consul', 'ssl', 'server_name')],
  ['consul-transport-dial-keep-alive', key('consul', 'transport', 'dial_keep_alive')],
  ['consul-transport-dial-timeout', key('consul', 'transport', 'dial_timeout')],
  ['consul-transport-disable-keep-alives', toggle('consul', 'transport', 'disable_keep_alives')],
  ['consul-transport-max-idle-conns-per-host', key('consul', 'transport', 'max_idle_conns_per_host')],
  ['consul-transport-tls-handshake-timeout', key('consul', 'transport', 'tls_handshake_timeout')],
  ['dedup', toggle('deduplicate', 'enabled')],
  ['default-left-delimiter', key('default_delimiters', 'left')],
  ['default-right-delimiter', key('default_delimiters', 'right')],
  ['kill-signal', key('kill_signal')],
  ['reload-signal', key('reload_signal')],
  ['log-level', key('log_level')],
  ['log-file', key('log_file', 'path')],
  ['log-rotate-bytes', key('log_file', 'log_rotate_bytes')],
  ['log-rotate-duration', key('log_file', 'log_rotate_duration')],
  ['log-rotate-max-files', key('log_file', 'log_rotate_max_files')],
  ['max-stale', key('max_stale')],
  ['block-query-wait', key('block_query_wait')],
  ['pid-file', key('pid_file')],
  ['syslog', toggle('syslog', 'enabled')],
  ['syslog-facility', key('syslog', 'facility')],
  ['syslog-name', key('syslog', 'name')],
  ['template-error-fatal', toggle('template_error_fatal')],
  ['h', runToggle('help')],
  ['help', runToggle('help')],
  ['v', runToggle('version')],
  ['version', runToggle('version')],
]);
