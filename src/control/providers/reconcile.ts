import type { CheckFact, Instance, Refusal } from '../../../router/model.ts';

/**
 * The new instances, with the old objects wherever nothing but a check's output changed; the old array itself when
 * all are the same. So identity tells the rest of the router what it need not look at.
 */
export function reconcile(before: readonly Instance[], after: readonly Instance[]): readonly Instance[] {
  const known = new Map(before.map((instance) => [instance.id, instance]));
  const merged = after.map((instance) => {
    const old = known.get(instance.id);
    return old !== undefined && sameInstance(old, instance) ? old : instance;
  });
  const same = merged.length === before.length && merged.every((instance, i) => instance === before[i]);
  return same ? before : merged;
}

/** Whether people would read the same. */
export function sameRefusals(a: readonly Refusal[], b: readonly Refusal[]): boolean {
  return (
    a.length === b.length &&
    a.every((one, i) => {
      const other = b[i] as Refusal;
      return one.instance === other.instance && one.text === other.text && one.reason === other.reason;
    })
  );
}

function sameInstance(a: Instance, b: Instance): boolean {
  return (
    a.service === b.service &&
    a.address === b.address &&
    a.port === b.port &&
    a.health === b.health &&
    a.createIndex === b.createIndex &&
    a.weights.passing === b.weights.passing &&
    a.weights.warning === b.weights.warning &&
    sameTexts(a.tags, b.tags) &&
    sameMeta(a.meta, b.meta) &&
    sameChecks(a.checks, b.checks)
  );
}

/** Output is for people: a check that says something else with the same status has not changed. */
function sameChecks(a: readonly CheckFact[], b: readonly CheckFact[]): boolean {
  return (
    a.length === b.length &&
    a.every((one, i) => {
      const other = b[i] as CheckFact;
      return (
        one.id === other.id &&
        one.status === other.status &&
        one.name === other.name &&
        one.isOfNode === other.isOfNode
      );
    })
  );
}

function sameMeta(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i]);
}
