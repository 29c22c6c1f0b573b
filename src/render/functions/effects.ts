import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  lstatSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { dirname, normalize } from 'node:path';
import { makeFolder } from '../../control/make-folder.ts';
import { fromBytes, toBytes } from '../template/bytes.ts';
import { FunctionError } from '../template/errors.ts';
import { quote } from '../template/quote.ts';
import { type Named, ofManyTexts } from './define.ts';
import { trimSpace } from './go-text.ts';
import type { World } from './world.ts';

/** Functions that do something outside of their template: only in a run that has all its data. */

const PLUGIN_MS = 30_000;
const PLUGIN_OUTPUT_BYTES = 16 * 1024 * 1024;

/** Runs a program and gives what it prints. Evaluation is synchronous, so all else of the process waits for it. */
function runPlugin(name: string, args: readonly string[]): string {
  const given = args.map(trimSpace).filter((arg) => arg !== '');
  const run = spawnSync(name, given, {
    timeout: PLUGIN_MS,
    killSignal: 'SIGKILL',
    maxBuffer: PLUGIN_OUTPUT_BYTES,
  });
  const code = (run.error as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ETIMEDOUT') throw new FunctionError(`exec ${quote(name)}: did not finish in 30s`);
  const failure =
    run.error?.message ??
    (run.signal === null ? (run.status === 0 ? null : `exit status ${run.status}`) : `signal: ${run.signal}`);
  if (failure === null) return trimSpace(fromBytes(run.stdout));
  const [out, err] = [run.stdout, run.stderr].map((stream) =>
    fromBytes(stream ?? new Uint8Array()).slice(0, 4_096),
  );
  throw new FunctionError(`exec ${quote(name)}: ${failure}\n\nstdout:\n\n${out}\n\nstderr:\n\n${err}`);
}

/** The id of a user or group, by its name in the system's list or as a number. */
function lookUpId(file: string, name: string): number {
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [known, , id] = line.split(':');
    if (known === name && id !== undefined) return Number(id);
  }
  if (/^\d{1,10}$/.test(name)) return Number(name);
  throw new FunctionError(`${file === '/etc/passwd' ? 'user' : 'group'}: unknown ${quote(name)}`);
}

/**
 * Writes a file beside the template's own. The last folder and the file may be no links, so that nobody who owns a
 * folder on the way can lead the content elsewhere.
 */
function writeToFile(texts: readonly string[]): void {
  const [given = '', user = '', group = '', permissions = ''] = texts;
  const content = texts.at(-1) ?? '';
  const flags = texts.length === 6 ? (texts[4] ?? '') : '';
  if (!/^[0-7]{1,6}$/.test(permissions)) {
    throw new FunctionError(`strconv.ParseUint: parsing ${quote(permissions)}: invalid syntax`);
  }
  const mode = Number.parseInt(permissions, 8);
  const path = normalize(given);
  const folder = dirname(path);
  makeFolder(folder, 0o777);
  if (lstatSync(folder).isSymbolicLink()) {
    throw new FunctionError(
      `writeToFile: refusing to write through symlinked directory in path ${quote(given)}`,
    );
  }
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
    throw new FunctionError(`writeToFile: refusing to write to symlink ${quote(given)}`);
  }
  const how = flags.includes('append') ? constants.O_APPEND : constants.O_TRUNC;
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW | how, mode);
  try {
    writeFileSync(file, toBytes(flags.includes('newline') ? `${content}\n` : content));
  } finally {
    closeSync(file);
  }
  if (user !== '' || group !== '') {
    chownSync(
      path,
      user === '' ? process.getuid!() : lookUpId('/etc/passwd', user),
      group === '' ? process.getgid!() : lookUpId('/etc/group', group),
    );
  }
  chmodSync(path, mode);
}

export function effectFunctions(world: World): Named {
  return [
    [
      'plugin',
      ofManyTexts(1, (name, ...args) => (name === '' ? '' : world.perform(() => runPlugin(name!, args), ''))),
    ],
    [
      'writeToFile',
      ofManyTexts(4, (...texts) => {
        if (texts.length < 5) throw new FunctionError('writeToFile: the content is missing');
        world.perform(() => writeToFile(texts), undefined);
        return '';
      }),
    ],
  ];
}
