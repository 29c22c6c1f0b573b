import { type Command, Option } from 'commander';
import type { Flags } from '../config/load.ts';

/** What commander makes of the options of `run`, `dev` and `check`. */
export interface RouterOptions extends Flags {
  readonly [name: string]: unknown;
}

const logLevels = 'trace, debug, info, warn, error, fatal or silent (default: info)';
const accessLogs = 'json, common, combined or off (default: json)';

/**
 * The flags that set configuration; the loader judges their values, so that all problems are told at once.
 */
export function addRouterOptions(command: Command, without: readonly (keyof Flags)[] = []): Command {
  const options: readonly [keyof Flags, Option][] = [
    ['config', new Option('--config <file>', 'configuration file (default: see below)')],
    ['consul', new Option('--consul <address>', 'HTTP address of Consul (default: 127.0.0.1:8500)')],
    ['workers', new Option('--workers <number>', 'worker threads (default: auto, one per core)')],
    ['data', new Option('--data <folder>', 'state (default: $STATE_DIRECTORY or ./.fairlead)')],
    ['http', repeatable(new Option('--http <address>', 'HTTP listener, repeatable (default: :8080)'))],
    ['https', repeatable(new Option('--https <address>', 'HTTPS listener, repeatable (needs certificates)'))],
    ['admin', new Option('--admin <address>', 'metrics, API and health (default: 127.0.0.1:9998)')],
    ['logLevel', new Option('--log-level <level>', logLevels)],
    ['accessLog', new Option('--access-log <format>', accessLogs)],
  ];
  for (const [name, option] of options) {
    if (!without.includes(name)) command.addOption(option.helpGroup(groupOf(name)));
  }
  return command;
}

function repeatable(option: Option): Option {
  return option.argParser((text: string, before: readonly string[] | undefined) => [...(before ?? []), text]);
}

function groupOf(name: keyof Flags): string {
  if (name === 'http' || name === 'https' || name === 'admin')
    return 'Listeners (:8080, 127.0.0.1:8080, [::1]:8080):';
  if (name === 'logLevel' || name === 'accessLog')
    return 'Logs (process log on stderr, access log on stdout):';
  return 'Router:';
}

/** Where the file is looked for, for the end of a help text. */
export const searchHelp = `
Without --config the first of these files is read:
  $FAIRLEAD_CONFIG, ./fairlead.yaml, $XDG_CONFIG_HOME/fairlead/fairlead.yaml,
  ~/.config/fairlead/fairlead.yaml, /etc/fairlead/fairlead.yaml
Flags win over the environment (FAIRLEAD_CONSUL_ADDRESS, CONSUL_HTTP_ADDR, ...), that wins over the file.`;
