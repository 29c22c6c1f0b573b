import type { Config } from '../config/config.ts';
import type { Problem } from '../config/problem.ts';
import { openShared } from '../control/acme/open-stores.ts';

const patienceMs = 5000;

/** Reads the store that replicas share, where it is not on this machine; a running router has the file. */
export async function checkAcme({
  acme,
  consul,
  dataDir,
}: Pick<Config, 'acme' | 'consul' | 'dataDir'>): Promise<readonly Problem[]> {
  if (acme === null || acme.store.kind === 'file') return [];
  const shared = openShared(acme.store, consul, dataDir);
  let limit: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    limit = setTimeout(() => reject(new Error('no answer in time')), patienceMs);
  });
  try {
    await Promise.race([shared.list('acme/'), late]);
    return [];
  } catch (error) {
    const message = `tls.acme.store: ${acme.store.kind}: ${(error as Error).message}`;
    return [{ at: null, message }];
  } finally {
    clearTimeout(limit);
    await shared.close();
  }
}
