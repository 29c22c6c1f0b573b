import { rm } from 'node:fs/promises';
import type { CommandSpec, TemplateSpec } from '../config/model.ts';
import type { CommandResult } from '../process/command.ts';
import { type AppliedStore, hashOf } from './applied.ts';
import { keyOf } from './command-key.ts';
import { type Replaced, replaceFile } from './replace.ts';
import { stageFile } from './stage.ts';
import { type Desired, desire, isUpToDate, type Present, readPresent } from './target.ts';

/** One file of a commit. */
export interface Piece {
  readonly spec: TemplateSpec;
  readonly destination: string;
  readonly text: string;
}

export interface WriteContext {
  readonly applied: AppliedStore;
  readonly warn: (message: string) => void;
  /** Runs a check with these variables over its usual environment. */
  readonly runCheck: (check: CommandSpec, variables: NodeJS.ProcessEnv) => Promise<CommandResult>;
}

export type WriteResult =
  | { readonly kind: 'unchanged' }
  /** The files are as they should be, or have just become so; the commands decide whether they stay. */
  | {
      readonly kind: 'written';
      /** False when only the commands are missing, from an earlier attempt. */
      readonly isChanged: boolean;
      readonly commands: readonly CommandSpec[];
      /** The commands succeeded. */
      keep(): Promise<void>;
      /** They did not. @returns whether old files are back, so that the commands are worth running for them */
      undo(): Promise<boolean>;
    }
  | { readonly kind: 'refused'; readonly result: 'check_failed' | 'write_failed'; readonly reason: string };

interface Change {
  readonly piece: Piece;
  readonly present: Present | null;
  readonly desired: Desired;
}

/** Stages all pieces, checks them, and puts them in place; all or none. */
export async function writePieces(pieces: readonly Piece[], context: WriteContext): Promise<WriteResult> {
  const staged = new Map<Change, string>();
  try {
    const compared = await Promise.all(pieces.map(compare));
    const changes = compared.filter(({ present, desired }) => !isUpToDate(present, desired));
    if (changes.length === 0) return resume(compared, context.applied);
    for (const change of changes) {
      const { destination, spec } = change.piece;
      staged.set(change, await stageFile(destination, change.desired, spec.file.createFolders, context.warn));
    }
    const complaint = await check(compared, staged, context);
    if (complaint !== null) return { kind: 'refused', result: 'check_failed', reason: complaint };
    return await replaceAll(changes, staged, context);
  } catch (error) {
    return { kind: 'refused', result: 'write_failed', reason: explain(error) };
  } finally {
    for (const path of staged.values()) await rm(path, { force: true }).catch(() => {});
  }
}

async function compare(piece: Piece): Promise<Change> {
  const present = await readPresent(piece.destination);
  return { piece, present, desired: desire(Buffer.from(piece.text), piece.spec.file, present) };
}

/** Nothing is to be written; but did the commands for it ever succeed? */
function resume(compared: readonly Change[], applied: AppliedStore): WriteResult {
  const open = compared.filter(({ piece, desired }) => {
    if (piece.spec.command === null) return false;
    const record = applied.find(piece.destination);
    return record !== null && record.hash !== hashOf(desired.bytes);
  });
  if (open.length === 0) return { kind: 'unchanged' };
  return {
    kind: 'written',
    isChanged: false,
    commands: commandsOf(open),
    keep: async () => remember(open, applied),
    undo: async () => false,
  };
}

/** Runs every distinct check once; null, or the complaint of the first that fails. */
async function check(
  compared: readonly Change[],
  staged: ReadonlyMap<Change, string>,
  { runCheck }: WriteContext,
): Promise<string | null> {
  const files = compared.map((change) => staged.get(change) ?? change.piece.destination);
  const done = new Set<string>();
  for (const [change, path] of staged) {
    const spec = change.piece.spec.check;
    if (spec === null || done.has(keyOf(spec))) continue;
    done.add(keyOf(spec));
    const result = await runCheck(spec, {
      FAIRLEAD_FILE: path,
      FAIRLEAD_FILES: files.join('\n'),
      FAIRLEAD_DESTINATION: change.piece.destination,
    });
    if (!result.ok) return [result.reason, result.output].filter((part) => part !== '').join(': ');
  }
  return null;
}

async function replaceAll(
  changes: readonly Change[],
  staged: Map<Change, string>,
  { applied, warn }: WriteContext,
): Promise<WriteResult> {
  const replaced: [Change, Replaced][] = [];
  try {
    for (const change of changes) {
      const { piece, present } = change;
      if (piece.spec.command !== null) applied.begin(piece.destination);
      const path = staged.get(change) ?? '';
      const backup = piece.spec.file.backup;
      replaced.push([change, await replaceFile(path, piece.destination, present, { backup, warn })]);
      staged.delete(change);
    }
  } catch (error) {
    for (const [change, each] of replaced.toReversed()) await takeBack(change, each);
    throw error;
  }
  return {
    kind: 'written',
    isChanged: true,
    commands: commandsOf(changes),
    keep: async () => {
      for (const [{ piece }, each] of replaced)
        await each
          .keep()
          .catch((error) => warn(`${piece.destination}: what it replaced stays behind (${explain(error)})`));
      remember(changes, applied);
    },
    undo: () => undo(replaced, warn),
  };
}

/**
 * Where nothing was there before, the new files stay: a server that could not be reloaded because it does not run yet
 * needs them to start. In a mixed group those that are new go, or the old ones would not fit together.
 */
async function undo(replaced: readonly [Change, Replaced][], warn: WriteContext['warn']): Promise<boolean> {
  if (!replaced.some(([, { canRestore }]) => canRestore)) return false;
  for (const [change, each] of replaced.toReversed()) {
    // The command may have taken the folder away, or the disk has become read-only.
    await takeBack(change, each).catch((error) =>
      warn(`${change.piece.destination}: the old file cannot be put back (${explain(error)})`),
    );
  }
  return true;
}

async function takeBack({ piece }: Change, replaced: Replaced): Promise<void> {
  if (replaced.canRestore) await replaced.restore();
  else await rm(piece.destination, { force: true });
}

function remember(changes: readonly Change[], applied: AppliedStore): void {
  for (const { piece, desired } of changes)
    if (piece.spec.command !== null) applied.finish(piece.destination, hashOf(desired.bytes));
}

function commandsOf(changes: readonly Change[]): readonly CommandSpec[] {
  const byKey = new Map<string, CommandSpec>();
  for (const { piece } of changes) {
    const { command } = piece.spec;
    if (command !== null && !byKey.has(keyOf(command))) byKey.set(keyOf(command), command);
  }
  return [...byKey.values()];
}

function explain(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC') return `the disk is full (${message})`;
  if (code === 'ENOENT') return `the folder is missing (${message})`;
  return message;
}
