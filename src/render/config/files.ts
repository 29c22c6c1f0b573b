import { lstatSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { explainRead, readText } from '../../config/files.ts';
import type { Problem } from '../../config/problem.ts';
import { readHcl } from '../hcl/read.ts';
import { type Layer, validate } from './layer.ts';

/** More than any hand has written; stops at a folder that was named by mistake. */
const mostFiles = 1000;
const deepestFolder = 8;

/** Editors' own files, which consul-template would read as configuration. */
const leftovers = /(^\.|~$|\.sw[a-z]$|^#.*#$|\.bak$|\.tmp$)/;

/** Reads one `-config` path: a file, or every file below a folder in the order of their names. */
export function readConfigPath(given: string, cwd: string, problems: Problem[]): readonly Layer[] {
  try {
    const files = statSync(resolve(cwd, given)).isDirectory() ? listFolder(given, cwd, 0) : [given];
    if (files.length > mostFiles)
      throw new Error(`holds more than ${mostFiles} files: is this the folder you mean?`);
    return files.map((file) => readConfigFile(file, cwd, problems));
  } catch (error) {
    problems.push({ at: given, message: `cannot read: ${explainRead(error)}` });
    return [];
  }
}

/** Links are followed to files only: a mounted ConfigMap keeps its real files in a folder that begins with a dot. */
function listFolder(folder: string, cwd: string, depth: number): readonly string[] {
  if (depth > deepestFolder) throw new Error(`${folder} is nested too deeply`);
  return readdirSync(resolve(cwd, folder))
    .toSorted()
    .filter((name) => !leftovers.test(name))
    .flatMap((name) => {
      const path = join(folder, name);
      if (lstatSync(resolve(cwd, path)).isDirectory()) return listFolder(path, cwd, depth + 1);
      return statSync(resolve(cwd, path)).isFile() ? [path] : [];
    });
}

function readConfigFile(name: string, cwd: string, problems: Problem[]): Layer {
  try {
    return readConfigText(readText(resolve(cwd, name)), name, problems);
  } catch (error) {
    problems.push({ at: name, message: `cannot read: ${explainRead(error)}` });
    return { given: {}, templates: [], at: () => name };
  }
}

/** @param name as it is to stand in messages */
export function readConfigText(source: string, name: string, problems: Problem[]): Layer {
  const read = readHcl(source, { name, repeated: ['template'] });
  if (read.ok) return validate(read.file, problems);
  problems.push(read.problem);
  return { given: {}, templates: [], at: () => name };
}
