import type { Claim } from './claim.ts';
import { authorityOf, hasConsulCheck, keyOf, type Member, type Policy } from './members.ts';
import type { Instance } from './model.ts';

/** A route of the operator's own, parsed. */
export interface StaticEntry {
  readonly claim: Claim;
  readonly text: string;
  /** Fixed instances; empty when `service` names a service of the catalog. */
  readonly to: readonly { readonly address: string; readonly port: number; readonly weight: number }[];
  readonly service: string | null;
}

/** Its members: the fixed instances, or every instance of the named service, with or without tags. */
export function staticMembers(
  entry: StaticEntry,
  instances: readonly Instance[],
  policy: Policy,
  isGone: boolean,
): Member[] {
  const common = {
    provider: 'file' as const,
    dialect: 'fairlead' as const,
    claim: entry.claim,
    text: entry.text,
    isGone,
    tags: [],
    weighedBy: null,
  };
  const nobody = { instance: '', address: '', port: 0, weight: 0, age: 0, hasConsulCheck: false };
  if (entry.service !== null) {
    // A known host without instances answers 503, so the route stands even then.
    if (instances.length === 0) return [{ ...common, ...nobody, service: entry.service, isAccepted: false }];
    return instances.map((instance) => ({
      ...common,
      service: instance.service,
      instance: instance.id,
      address: instance.address,
      port: instance.port,
      weight: instance.health === 'warning' ? instance.weights.warning : instance.weights.passing,
      isAccepted: !isGone && policy.accepts(instance.health),
      hasConsulCheck: hasConsulCheck(instance),
      age: instance.createIndex,
    }));
  }
  const service = keyOf(entry.claim.rule);
  if (entry.claim.redirectOnly) {
    return [{ ...common, ...nobody, service, isAccepted: true }];
  }
  return entry.to.map(({ address, port, weight }) => ({
    ...common,
    service,
    instance: authorityOf(address, port),
    address,
    port,
    weight,
    isAccepted: true,
    hasConsulCheck: false,
    age: 0,
  }));
}
