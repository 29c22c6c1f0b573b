import { describe } from 'vitest';
import { startRegistry } from '../../../../src/embedded/registry.ts';
import { providerContract } from '../../../contracts/provider.contract.ts';
import { skipConsul, startConsul } from '../../../support/consul.ts';

const modes = ['per-service', 'aggregate'] as const;

describe('embedded registry', () => {
  const start = async () => {
    const registry = await startRegistry();
    return { url: registry.url, stop: () => registry.close() };
  };
  for (const mode of modes) providerContract(start, { mode });
});

describe.skipIf(skipConsul)('real Consul', () => {
  for (const mode of modes) providerContract(() => startConsul(), { mode });
});
