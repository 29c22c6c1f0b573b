/**
 * Loaded into a program before it (`--import`): kills it without warning at one step of writing a file, as a crash of
 * the machine would. `DIE_AT` names the step, `DIE_FOR` how the path of that file ends.
 */
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const { DIE_AT, DIE_FOR } = process.env;
const die = () => {
  process.kill(process.pid, 'SIGKILL');
  // The signal comes before anything else does.
  for (;;);
};

const { open, rename } = fs;
fs.open = async (path, ...rest) => {
  const handle = await open(path, ...rest);
  if (!String(path).includes(DIE_FOR)) return handle;
  const isFolder = (await handle.stat()).isDirectory();
  if (!isFolder && DIE_AT === 'write')
    handle.writeFile = async (bytes) => {
      await handle.write(bytes, 0, Math.floor(bytes.length / 2));
      die();
    };
  if (!isFolder && DIE_AT === 'sync') handle.sync = async () => die();
  if (isFolder && DIE_AT === 'folder sync') handle.sync = async () => die();
  return handle;
};
fs.rename = async (from, to) => {
  if (DIE_AT === 'rename' && String(to).includes(DIE_FOR)) die();
  return rename(from, to);
};
syncBuiltinESMExports();
