/** The short version of `node test/soak/run.ts`; the long one is for a machine that has the time. */
import { expect, test } from 'vitest';
import { KINDS } from '../soak/mix.ts';
import { isExcess } from '../soak/reading.ts';
import { report } from '../soak/report.ts';
import { soak } from '../soak/soak.ts';
import { note } from './site.ts';

/** As many changes as the long run makes in two minutes. */
const CHANGES = 1_000;
const SECONDS = 60;

test('after mixed load and a thousand catalog changes, heap, descriptors and timers are what they were', async () => {
  const result = await soak({
    ...{ catalog: 'embedded', workers: 2, seed: 1, say: () => {} },
    ...{ warmUpSeconds: 10, seconds: SECONDS, ratePerSecond: 250, changesPerSecond: CHANGES / SECONDS },
  });
  note(report(result).replaceAll('\n', '\n    '));
  expect(Object.fromEntries(result.tally.failures)).toEqual({});
  expect(result.differences.filter(isExcess)).toEqual([]);
  // It has happened, all of it.
  expect(result.changes).toBeGreaterThan(CHANGES / 2);
  expect(result.kills).toBeGreaterThan(5);
  for (const kind of KINDS) expect([kind, (result.tally.done.get(kind) ?? 0) > 5]).toEqual([kind, true]);
}, 300_000);
