import type { TemplateFunction } from '../template/functions.ts';
import { catalogFunctions } from './catalog-functions.ts';
import type { Named } from './define.ts';
import { digestFunctions } from './digests.ts';
import { effectFunctions } from './effects.ts';
import { encodingFunctions } from './encoding.ts';
import { environmentFunctions } from './environment.ts';
import { groupingFunctions } from './grouping.ts';
import { keyFunctions } from './key-functions.ts';
import { loopFunctions } from './looping.ts';
import { mapFunctions } from './maps.ts';
import { mathFunctions } from './math.ts';
import { membershipFunctions } from './membership.ts';
import { parsingFunctions } from './parsing.ts';
import { regexFunctions } from './regex.ts';
import { safeTextFunctions } from './safe-text.ts';
import { socketAddressFunctions } from './socket-address.ts';
import { sprigFunctions } from './sprig/sprig.ts';
import { textFunctions } from './text.ts';
import type { World } from './world.ts';

/** Those that need nothing but their arguments. */
const pure: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ...digestFunctions,
  ...encodingFunctions,
  ...groupingFunctions,
  ...loopFunctions,
  ...mapFunctions,
  ...mathFunctions,
  ...membershipFunctions,
  ...parsingFunctions,
  ...regexFunctions,
  ...safeTextFunctions,
  ...socketAddressFunctions,
  ...sprigFunctions,
  ...textFunctions,
]);

/** All functions of consul-template's templates, and ours. */
export function consulTemplateFunctions(world: World): ReadonlyMap<string, TemplateFunction> {
  const reaching: Named = [
    ...catalogFunctions(world),
    ...keyFunctions(world),
    ...environmentFunctions(world),
    ...effectFunctions(world),
  ];
  return new Map([...pure, ...reaching]);
}
