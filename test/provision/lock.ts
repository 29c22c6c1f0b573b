/** One set-up at a time in a checkout: a lock folder, which the file system creates atomically. */
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { progress } from './command.ts';

/** A lock without a living owner is taken over; one without a readable owner only when it is this old. */
const abandonedMs = 10_000;

/** Runs the work while holding the lock. */
export async function withLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(folder), { recursive: true });
  while (!(await acquired(folder))) {
    progress('waiting for another set-up of this checkout');
    if (await isAbandoned(folder)) await remove(folder);
    await sleep(100);
  }
  try {
    return await work();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function acquired(folder: string): Promise<boolean> {
  try {
    await mkdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  await writeFile(`${folder}/pid`, String(process.pid));
  return true;
}

async function isAbandoned(folder: string): Promise<boolean> {
  try {
    const pid = Number(await readFile(`${folder}/pid`, 'utf8'));
    if (pid > 0) return !isAlive(pid);
    return Date.now() - (await stat(folder)).mtimeMs > abandonedMs;
  } catch {
    const since = await stat(folder).catch(() => undefined);
    return since !== undefined && Date.now() - since.mtimeMs > abandonedMs;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** By way of a rename, so that of two that find it abandoned only one removes it. */
async function remove(folder: string): Promise<void> {
  const aside = `${folder}.${process.pid}`;
  await rename(folder, aside).catch(() => {});
  await rm(aside, { recursive: true, force: true });
}
