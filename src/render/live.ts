import type { WriteResult } from './commit/write.ts';
import type { LiveOutput } from './renderer.ts';
import type { Result, Unit } from './unit.ts';

/** Only where a file stands alone: in a group it takes the command to make all of it true at once. */
function liveOf({ parts }: Unit): LiveOutput | undefined {
  return parts.length === 1 ? parts[0]?.renderer.live : undefined;
}

/** Whether what a unit would write now needs none of its commands, as far as can be told beforehand. */
export function sparesCommands(unit: Unit): boolean {
  return liveOf(unit)?.sparesCommand() ?? false;
}

/** Takes what was written to the server that runs. Where that is enough, nothing is left for the commands to do. */
export async function applyLive(
  unit: Unit,
  texts: readonly string[],
  written: WriteResult,
  note: (result: Result) => void,
): Promise<WriteResult> {
  const live = liveOf(unit);
  const [text = ''] = texts;
  if (live === undefined || written.kind === 'refused') return written;
  if (written.kind === 'unchanged') {
    live.found(text);
    return written;
  }
  const outcome = await live.apply(text);
  if (outcome !== 'needs_command') note(outcome);
  // The child is not told either: nothing has changed for it.
  if (outcome === 'spared') return { ...written, isChanged: false, commands: [] };
  return {
    ...written,
    keep: async () => {
      await written.keep();
      live.adopt(text);
    },
    undo: async () => {
      live.lose();
      return written.undo();
    },
  };
}
