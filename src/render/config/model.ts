import type { StaticEntry } from '../../../router/static-routes.ts';
import type { AdminConfig, Config, ConsulConfig, LogLevel } from '../../config/config.ts';

/** Everything `fairlead render` can be told, after flags, files, environment and defaults were merged. Paths absolute. */
export interface RenderConfig {
  readonly consul: ConsulConfig;
  readonly retry: RetryConfig;
  readonly templates: readonly TemplateSpec[];
  readonly exec: ExecSpec | null;
  readonly once: boolean;
  readonly dry: boolean;
  readonly parseOnly: boolean;
  readonly logLevel: LogLevel;
  /** null ignores the signal. */
  readonly killSignal: NodeJS.Signals | null;
  readonly reloadSignal: NodeJS.Signals | null;
  readonly pidFile: string | null;
  /** Where it is remembered which content was applied. */
  readonly dataDir: string;
  /** Least time between two runs of the same command. */
  readonly reloadIntervalMs: number;
  /** Nothing is written while a service has fewer instances. */
  readonly minInstances: ReadonlyMap<string, number>;
  /** Metrics, views and health; null opens nothing. */
  readonly admin: AdminConfig | null;
  /** One process of a fleet asks Consul for all that have the same template; null has each ask for itself. */
  readonly deduplicate: DeduplicateConfig | null;
  /** HAProxy's runtime socket, for outputs that can be changed without a reload. */
  readonly haproxySocket: string | null;
  /** What the built-in targets render; null without any. */
  readonly router: RouterPart | null;
}

/** The router as its own configuration has it. Which Consul it is that routes come from, the renderer's says. */
export interface RouterPart {
  readonly config: Config;
  readonly statics: readonly StaticEntry[];
  /** Where nginx has sockets between its own listeners. */
  readonly runtimeFolder: string;
}

export interface DeduplicateConfig {
  /** Folder of Consul's KV store. */
  readonly prefix: string;
  readonly lockMs: number;
}

/** How a failing read of Consul is repeated; null repeats for ever. */
export interface RetryConfig {
  readonly attempts: number | null;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
}

export interface TemplateSpec {
  /** As it is named in logs, metrics and views: the source and the destination. */
  readonly name: string;
  /** `file:line:column` or `flag -template`, for messages. */
  readonly at: string;
  readonly source: TemplateSource;
  /** null only in a dry run. */
  readonly destination: string | null;
  readonly language: TemplateLanguage;
  readonly file: FileSpec;
  readonly wait: WaitSpec | null;
  /** Sees the staged file as `$FAIRLEAD_FILE`; when it fails, the old file stays. */
  readonly check: CommandSpec | null;
  /** Runs after the file was replaced. */
  readonly command: CommandSpec | null;
  /** What a change of the file means for the child of `exec`; null leaves it to `exec`. */
  readonly childReload: ExecReload | null;
  /** Templates of one commit group are checked, written and rolled back together. */
  readonly commitGroup: string | null;
  readonly minInstances: ReadonlyMap<string, number>;
  /** Ends the process when the template fails with all its data present; null does so only in a single run. */
  readonly errorFatal: boolean | null;
}

export type TemplateSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'contents'; readonly text: string }
  /** The router's own routes as a complete configuration. */
  | { readonly kind: 'builtin'; readonly name: 'nginx' | 'haproxy' };

export type TemplateLanguage =
  | {
      readonly kind: 'consul-template';
      readonly leftDelimiter: string;
      readonly rightDelimiter: string;
      readonly errorOnMissingKey: boolean;
      /** Globs of functions that fail when called. */
      readonly functionDenylist: readonly string[];
      /** `file` may not leave this folder. */
      readonly sandboxPath: string | null;
    }
  | {
      readonly kind: 'confd';
      /** Joined to each key for the read and taken off again for the template. */
      readonly prefix: string;
      readonly keys: readonly string[];
      readonly backend: ConfdBackend;
    };

export type ConfdBackend =
  | { readonly kind: 'consul' }
  | { readonly kind: 'redis'; readonly nodes: readonly string[] };

/** What a written file looks like; null keeps what the old one had, or 0644 and our own user. */
export interface FileSpec {
  readonly mode: number | null;
  /** Name or number. */
  readonly user: string | null;
  readonly group: string | null;
  readonly createFolders: boolean;
  /** Keeps the replaced file as `<name>.bak`. */
  readonly backup: boolean;
}

export interface WaitSpec {
  readonly minMs: number;
  readonly maxMs: number;
  /** Holds the first rendering, too. */
  readonly initial: boolean;
}

export type CommandLine =
  /** Given to `sh -c`. */
  | { readonly kind: 'shell'; readonly text: string }
  | { readonly kind: 'program'; readonly argv: readonly string[] };

export interface CommandSpec {
  readonly line: CommandLine;
  /** 0 does not wait for the end and ignores how it was. */
  readonly timeoutMs: number;
  readonly environment: EnvironmentSpec;
}

export interface EnvironmentSpec {
  /** Starts from nothing rather than from our own environment. */
  readonly pristine: boolean;
  /** `NAME=value`, always added. */
  readonly custom: readonly string[];
  /** Globs of names; empty takes all. The denylist wins. */
  readonly allowlist: readonly string[];
  readonly denylist: readonly string[];
}

export interface ExecSpec {
  readonly line: CommandLine;
  readonly environment: EnvironmentSpec;
  readonly splayMs: number;
  readonly killSignal: NodeJS.Signals;
  readonly killTimeoutMs: number;
  readonly reload: ExecReload;
  /** Ends a child that runs longer; 0 never does. */
  readonly timeoutMs: number;
}

/** What a change means for the child: as consul-template, it is restarted unless a signal is named. */
export type ExecReload =
  | { readonly kind: 'restart' }
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'nothing' };
