import { accept, type Parsed, quote, refuse } from '../../config/units.ts';

/** A template of the command line, with the keys that the file has. */
export interface FlaggedTemplate {
  readonly source?: string;
  readonly builtin?: string;
  readonly destination: string;
  readonly command?: string;
}

/** `IN:OUT[:COMMAND]`. Colons in a row count as one, and those after the second belong to the command. */
export function parseTemplateFlag(text: string): Parsed<FlaggedTemplate> {
  const [source = '', destination = '', ...command] = text.split(/:+/);
  if (source.trim() === '') return refuse(`${quote(text)} names no template: write IN:OUT or IN:OUT:COMMAND`);
  if (command.length === 0) return accept({ source, destination });
  // The command keeps its own colons: it may hold a URL or a time.
  const rest = /^[^:]+:+[^:]+:+([\s\S]*)$/.exec(text)?.[1] ?? '';
  return accept({ source, destination, command: rest });
}

/** `nginx=OUT` or `haproxy=OUT`. */
export function parseBuiltinFlag(text: string): Parsed<FlaggedTemplate> {
  const [, builtin = '', destination = '', command] = /^([^=]*)=([^:]*)(?::([\s\S]*))?$/.exec(text) ?? [];
  if (!['nginx', 'haproxy'].includes(builtin) || destination === '')
    return refuse(`${quote(text)}: write nginx=OUT or haproxy=OUT, and :COMMAND behind it for a reload`);
  return accept({ builtin, destination, ...(command === undefined ? {} : { command }) });
}
