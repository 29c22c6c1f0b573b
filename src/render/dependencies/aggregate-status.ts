/** One check, as far as it matters here. */
export interface CheckStatus {
  readonly id: string;
  readonly status: string;
}

/** Consul's one word for several checks: the worst of them, and '' where one has a status that nobody knows. */
export function aggregateStatus(checks: Iterable<CheckStatus>): string {
  const seen = new Set<string>();
  for (const { id, status } of checks) {
    if (id === '_node_maintenance' || id.startsWith('_service_maintenance:')) seen.add('maintenance');
    else if (status === 'critical' || status === 'warning' || status === 'passing') seen.add(status);
    else return '';
  }
  return ['maintenance', 'critical', 'warning'].find((status) => seen.has(status)) ?? 'passing';
}
