import type { CheckEntry, NodeEntry, ServiceEntry } from './shapes.ts';

/** Values in the order of their keys, as Consul lists them. */
export const byKey = <T>(map: ReadonlyMap<string, T>): T[] =>
  [...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, value]) => value);

/** One node with everything on it. Checks are also found by their service, `''` for the node's own. */
export class NodeRecord {
  node: NodeEntry;
  readonly services = new Map<string, ServiceEntry>();
  readonly #checks = new Map<string, CheckEntry>();
  readonly #byService = new Map<string, Map<string, CheckEntry>>();

  constructor(node: NodeEntry) {
    this.node = node;
  }

  check(id: string): CheckEntry | undefined {
    return this.#checks.get(id);
  }

  checks(): CheckEntry[] {
    return byKey(this.#checks);
  }

  checksOf(serviceId: string): CheckEntry[] {
    const checks = this.#byService.get(serviceId);
    return checks ? byKey(checks) : [];
  }

  setCheck(check: CheckEntry): void {
    this.dropCheck(check.CheckID);
    this.#checks.set(check.CheckID, check);
    const siblings = this.#byService.get(check.ServiceID);
    if (siblings) siblings.set(check.CheckID, check);
    else this.#byService.set(check.ServiceID, new Map([[check.CheckID, check]]));
  }

  dropCheck(id: string): void {
    const check = this.#checks.get(id);
    if (!check) return;
    this.#checks.delete(id);
    const siblings = this.#byService.get(check.ServiceID);
    siblings?.delete(id);
    if (siblings?.size === 0) this.#byService.delete(check.ServiceID);
  }
}
