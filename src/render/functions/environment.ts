import { FunctionError } from '../template/errors.ts';
import { fixed, variadic } from '../template/functions.ts';
import { anyType, stringType } from '../template/kinds.ts';
import { type Named, ofManyTexts, ofTexts } from './define.ts';
import { formatGoTime } from './go-time.ts';
import type { World } from './world.ts';

const RFC_3339 = '2006-01-02T15:04:05Z07:00';

function timestamp(now: Date, layouts: readonly string[]): string {
  if (layouts.length > 1) {
    const given = layouts.length;
    throw new FunctionError(`timestamp: wrong number of arguments, expected 0 or 1, but got ${given}`);
  }
  const [layout = RFC_3339] = layouts;
  return layout === 'unix' ? String(Math.floor(now.getTime() / 1000)) : formatGoTime(now, layout);
}

/** What a run knows of itself and where it runs. */
export function environmentFunctions(world: World): Named {
  return [
    ['env', ofTexts(1, (name) => world.environment(name) ?? '')],
    [
      'mustEnv',
      ofTexts(1, (name) => {
        const value = world.environment(name) ?? '';
        if (value === '') throw new FunctionError(`required environment variable ${name} is empty`);
        return value;
      }),
    ],
    ['envOrDefault', ofTexts(2, (name, otherwise) => world.environment(name) ?? otherwise)],
    ['timestamp', ofManyTexts(0, (...layouts) => timestamp(world.now(), layouts))],
    ['scratch', fixed([], () => world.scratch())],
    [
      'executeTemplate',
      variadic([stringType], anyType, ([name, ...data], context) => {
        if (data.length > 1) {
          const given = data.length + 1;
          throw new FunctionError(
            `executeTemplate: wrong number of arguments, expected 1 or 2, but got ${given}`,
          );
        }
        return context.render(name as string, data[0] ?? undefined);
      }),
    ],
  ];
}
