import { setImmediate as turn } from 'node:timers/promises';

/** A text in which every eight bytes tell who sent them and where they belong. */
export function marked(mark: string, bytes: number): string {
  let text = '';
  for (let at = 0; at < bytes; at += 8) text += mark + at.toString(36).padStart(7, '.');
  return text.slice(0, bytes);
}

/** A piece in each turn of the event loop, so that a reader in this process reads them one by one. */
export async function writeInTurns(
  write: (piece: string) => unknown,
  text: string,
  piece: number,
): Promise<void> {
  for (let at = 0; at < text.length; at += piece) {
    await write(text.slice(at, at + piece));
    await turn();
  }
}
