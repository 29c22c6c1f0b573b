import type { Health, Instance } from '../../../router/model.ts';

/** An instance as a provider reports it; the id is `n/SERVICE-NUMBER`. */
export function instance(service: string, number: number, changes: Partial<Instance> = {}): Instance {
  const health: Health = changes.health ?? 'passing';
  return {
    id: `n/${service}-${number}`,
    service,
    serviceId: `${service}-${number}`,
    node: 'n',
    // Letters are addresses, so that services with different ones do not share any.
    address: `10.0.0.${service.charCodeAt(0)}`,
    port: 1000 + number,
    tags: [`fairlead:${service}.test/`],
    meta: {},
    weights: { passing: 1, warning: 1 },
    checks: [
      { id: 'c', name: 'c', status: health, output: health === 'critical' ? 'refused' : '', isOfNode: false },
    ],
    createIndex: number,
    ...changes,
    health,
  };
}

/** Instances 1 to `count`. */
export function instances(service: string, count: number, changes: Partial<Instance> = {}): Instance[] {
  return Array.from({ length: count }, (_, i) => instance(service, i + 1, changes));
}
