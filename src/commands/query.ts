import type { Command } from 'commander';
import { exit } from '../exit-codes.ts';
import { type AdminOptions, ask, findTarget } from './admin.ts';
import { refuseToStart } from './refuse.ts';
import { complain, print, tolerateClosedPipe } from './terminal.ts';

/** A question to a running router: a path of its API, and how the answer looks to a person. */
export interface Query {
  readonly path: string;
  readonly format: (body: unknown) => readonly string[];
}

/** Options every question takes. */
export function addAdminOptions(command: Command): Command {
  return command
    .option('--admin <address>', 'admin listener of the router (default: as configured, 127.0.0.1:9998)')
    .option('--token-file <file>', 'file with the admin token (default: as configured)')
    .option('--config <file>', 'configuration file to take both from')
    .option('--json', 'print the answer as JSON');
}

/** Asks and prints. */
export async function runQuery(query: Query, options: AdminOptions): Promise<number> {
  tolerateClosedPipe();
  const found = findTarget(options);
  if (!found.ok) return refuseToStart(found.problems);
  const answer = await ask(found.target, query.path);
  if (!answer.ok) {
    complain(answer.reason);
    return answer.code;
  }
  if (options.json === true) print(JSON.stringify(answer.body, null, 2));
  else for (const line of query.format(answer.body)) print(line);
  return exit.ok;
}
