import type { Named } from '../define.ts';
import { defaultFunctions } from './defaults.ts';
import { dictFunctions } from './dicts.ts';
import { listFunctions } from './lists.ts';
import { miscFunctions } from './misc.ts';
import { numberFunctions } from './numbers.ts';
import { stringFunctions } from './strings.ts';

/** Sprig's functions under consul-template's prefix. */
export const sprigFunctions: Named = [
  ...defaultFunctions,
  ...dictFunctions,
  ...listFunctions,
  ...miscFunctions,
  ...numberFunctions,
  ...stringFunctions,
].map(([name, does]) => [`sprig_${name}`, does]);
