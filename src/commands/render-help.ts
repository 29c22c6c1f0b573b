/** Printed by `fairlead render -help`. */
export const renderHelp = `Usage: fairlead render [flags]

Writes files from templates and keeps them as the catalog says. Reads consul-template's templates, flags (one dash
or two) and configuration files (HCL 1 or JSON) as they are.

Examples:
  fairlead render -template nginx.ctmpl:/etc/nginx/nginx.conf:'nginx -s reload' -check 'nginx -t -c $FAIRLEAD_FILE'
  fairlead render -config /etc/consul-template.d -once
  fairlead render -template nginx.ctmpl:/etc/nginx/nginx.conf -exec 'nginx -g "daemon off;"' -exec-reload-signal HUP
  fairlead render -builtin haproxy=/etc/haproxy/routes.cfg:'systemctl reload haproxy' -haproxy-socket /run/haproxy/fairlead.sock
  fairlead render -config render.hcl -once -dry          what would change, as a diff on a terminal

What is rendered:
  -template IN:OUT[:COMMAND]   repeatable; COMMAND runs after OUT was replaced
  -config PATH                 file or folder, repeatable; later ones win, flags win over all
  -builtin nginx|haproxy=OUT[:COMMAND]   the router's own routes as a complete configuration; repeatable
  -router-config PATH          listeners, certificates and routes for -builtin (as "fairlead run" finds them)
  -runtime-folder DIR          sockets between nginx's own listeners (/run)
  -confd DIR                   confd's folder: confd.toml, conf.d/*.toml, templates/
  -default-left-delimiter, -default-right-delimiter

How safely:
  -check COMMAND               must accept the new file, $FAIRLEAD_FILE, before it replaces the old one
  -min-instances SERVICE=N     write nothing while SERVICE has fewer; repeatable
  -wait MIN[:MAX]              write when there was no news for MIN, after MAX in any case (4 times MIN)
  -initial-wait                wait before the first writing, too
  -reload-interval TIME        least time between two runs of one command (1s)
  -data DIR                    remembers which files were applied ($STATE_DIRECTORY or ./.fairlead)
  -haproxy-socket PATH         change servers through HAProxy's runtime socket where that is enough

  A file is staged beside its destination, checked, and put in its place in one step. When its command fails, the old
  file is put back, the command runs once more for it, and the new one is tried again, at longer and longer intervals.
  A command that never succeeded is run again after a restart.

How it runs:
  -once                        render everything once, then end
  -dry                         print instead of writing; starts nothing
  -parse-only                  read the configuration and all templates, tell what is wrong, and end
  -exec COMMAND                keep this child, started when everything is rendered
  -exec-reload-signal SIGNAL   what it gets after a change (without: it is restarted; "" for nothing)
  -exec-kill-signal SIGNAL (INT), -exec-kill-timeout TIME (30s), -exec-splay TIME (0s)
  -exec-env-pristine, -exec-env-custom NAME=VALUE, -exec-env-allowlist GLOB, -exec-env-denylist GLOB
  -pid-file PATH, -log-level trace|debug|info|warn|err (info)
  -admin ADDRESS, -admin-token-file PATH   metrics, /api/renders and health; off without an address
  -kill-signal SIGNAL (INT), -reload-signal SIGNAL (HUP), -template-error-fatal

Consul:
  -consul-addr ADDRESS (127.0.0.1:8500), -consul-token TOKEN, -consul-token-file PATH, -consul-datacenter DC
  -consul-ssl, -consul-ssl-verify, -consul-ssl-ca-cert, -consul-ssl-cert, -consul-ssl-key, -consul-ssl-server-name
  -consul-retry-attempts N (for ever), -consul-retry-backoff TIME (250ms), -consul-retry-max-backoff TIME (1m)
  -consul-hold TIME (1m)       how long to keep what vanishes when Consul has lost its memory
  -block-query-wait TIME (60s), -dedup (one process of a fleet asks for all)

Signals:
  HUP reads the configuration again; a bad one changes nothing, and the child lives on
  INT (or the kill signal) ends with 12, TERM with 0 or the child's own status; a second one ends at once
  QUIT, USR1, USR2 and WINCH go to the child

Exit codes:
  0 done   11 error   12 interrupted   13 flags   14 a template, check or command failed   15 configuration
  The status of a child that ends by itself is handed on.`;
