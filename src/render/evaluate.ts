import type { Piece } from './commit/write.ts';
import type { Unit } from './unit.ts';

export type Evaluation =
  | { readonly kind: 'complete'; readonly texts: readonly string[] }
  | { readonly kind: 'missing' }
  | { readonly kind: 'failed'; readonly reason: string; readonly isFatal: boolean | null };

/** Evaluates all templates of a unit, and notes what they depend on. */
export function evaluate(unit: Unit): Evaluation {
  const used = new Set<string>();
  const missing = new Set<string>();
  const texts: string[] = [];
  let failed: Evaluation | null = null;
  for (const { spec, renderer } of unit.parts) {
    const rendering = renderer.render();
    if (rendering.kind === 'failed') {
      failed ??= { kind: 'failed', reason: rendering.error, isFatal: spec.errorFatal };
      continue;
    }
    for (const id of rendering.used) used.add(id);
    if (rendering.kind === 'missing') for (const id of rendering.missing) missing.add(id);
    else texts.push(rendering.text);
  }
  unit.missing = missing;
  // What a failing template would have used is not known: any news may mend it.
  unit.used = failed === null ? used : null;
  if (failed !== null) return failed;
  return texts.length < unit.parts.length ? { kind: 'missing' } : { kind: 'complete', texts };
}

export function piecesOf(unit: Unit, texts: readonly string[]): readonly Piece[] {
  return unit.parts.flatMap(({ spec }, index) => {
    const { destination } = spec;
    return destination === null ? [] : [{ spec, destination, text: texts[index] ?? '' }];
  });
}

/** Why the least number of instances forbids to write, or null. */
export function tooFew(unit: Unit, count: (service: string) => number | null): string | null {
  for (const [service, least] of unit.minInstances) {
    const have = count(service);
    if (have === null) return `it is not known yet how many instances ${service} has; ${least} are required`;
    if (have < least) return `${service} has ${have} instances; ${least} are required`;
  }
  return null;
}
