import type { Problem } from '../../config/problem.ts';
import { didYouMean } from '../../config/suggest.ts';
import { parseBoolean, quote } from '../../config/units.ts';
import { type FlagTarget, flagTable, type RunFlag } from './flag-table.ts';
import type { Placed } from './layer.ts';
import { parseBuiltinFlag, parseTemplateFlag } from './template-flag.ts';

/** The command line, taken apart. */
export interface ParsedFlags {
  readonly configPaths: readonly string[];
  /** confd's folders. */
  readonly confd: readonly string[];
  readonly dry: boolean;
  readonly parseOnly: boolean;
  readonly help: boolean;
  readonly version: boolean;
  /** What goes above the files. */
  readonly placed: Placed;
}

/** Reads flags by Go's rules: one dash or two, `-x v` or `-x=v`, and a value of a switch only with `=`. */
export function parseFlags(args: readonly string[], problems: Problem[]): ParsedFlags {
  const flags = new FlagReader();
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? '';
    if (arg === '--' && index === args.length - 1) break;
    const match = /^--?([^-=][^=]*)(?:=([\s\S]*))?$/.exec(arg);
    if (match === null) {
      problems.push({ at: null, message: `${quote(arg)} is not a flag` });
      break;
    }
    const [, name = '', given] = match;
    const target = flagTable.get(name);
    if (target === undefined) {
      problems.push({ at: `flag -${name}`, message: unknown(name) });
      if (given === undefined && !/^-/.test(args[index + 1] ?? '-')) index += 1;
      continue;
    }
    const isSwitch = target.kind !== 'item' && target.boolean === true;
    const text = given ?? (isSwitch ? 'true' : args[++index]);
    if (text === undefined) problems.push({ at: `flag -${name}`, message: 'needs a value' });
    else flags.take(name, target, text, problems);
  }
  return flags.build();
}

function unknown(name: string): string {
  if (/^(vault|nomad)-/.test(name)) {
    const product = name.startsWith('vault') ? 'Vault' : 'Nomad';
    return `${product} is not supported`;
  }
  return `unknown flag${didYouMean(name, [...flagTable.keys()])} (-help lists all)`;
}

class FlagReader {
  readonly #run = new Map<RunFlag, string[]>();
  readonly #values: Record<string, unknown> = Object.create(null);
  /** The flag that set a key, by its dotted path. */
  readonly #setters = new Map<string, string>();

  take(name: string, target: FlagTarget, text: string, problems: Problem[]): void {
    const at = `flag -${name}`;
    if (target.kind === 'run') {
      if (target.boolean === true && !parseBoolean(text).ok)
        problems.push({ at, message: `${quote(text)} is neither true nor false` });
      else if (target.name === 'template') this.#template(parseTemplateFlag(text), at, problems);
      else if (target.name === 'builtin') this.#template(parseBuiltinFlag(text), at, problems);
      else this.#run.set(target.name, [...(this.#run.get(target.name) ?? []), text]);
      return;
    }
    this.#setters.set(target.path.join('.'), at);
    if (name === 'consul-auth') this.#setAuth(text);
    else this.#set(target.path, target.kind === 'item' ? 'append' : 'replace', text);
  }

  #set(path: readonly string[], how: 'append' | 'replace', item: unknown): void {
    let group = this.#values;
    for (const part of path.slice(0, -1)) {
      group[part] ??= Object.create(null);
      group = group[part] as Record<string, unknown>;
    }
    const last = path.at(-1) ?? '';
    group[last] = how === 'append' ? [...((group[last] as unknown[] | undefined) ?? []), item] : item;
  }

  #setAuth(text: string): void {
    const [username = '', ...password] = text.split(':');
    this.#set(['consul', 'auth'], 'replace', { username, password: password.join(':') });
  }

  #template(parsed: ReturnType<typeof parseTemplateFlag>, at: string, problems: Problem[]): void {
    if (parsed.ok) this.#set(['template'], 'append', parsed.value);
    else problems.push({ at, message: parsed.reason });
  }

  build(): ParsedFlags {
    const isOn = (name: RunFlag): boolean => {
      const parsed = parseBoolean(this.#run.get(name)?.at(-1) ?? 'false');
      return parsed.ok && parsed.value;
    };
    return {
      configPaths: this.#run.get('config') ?? [],
      confd: this.#run.get('confd') ?? [],
      dry: isOn('dry'),
      parseOnly: isOn('parse-only'),
      help: isOn('help'),
      version: isOn('version'),
      placed: {
        values: this.#values,
        at: (path) => this.#at(path),
        atKey: (path, key) => this.#at([...path, key]),
      },
    };
  }

  #at(path: readonly PropertyKey[]): string {
    if (path[0] === 'template') return 'flag -template';
    const wanted = path.filter((part) => typeof part === 'string').join('.');
    const setter = [...this.#setters].find(
      ([key]) => `${wanted}.`.startsWith(`${key}.`) || key.startsWith(`${wanted}.`),
    );
    return setter?.[1] ?? 'the command line';
  }
}
