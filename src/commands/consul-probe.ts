import { Agent, request } from 'undici';
import type { ConsulConfig } from '../config/config.ts';
import { consulTls } from '../control/providers/consul-tls.ts';
import { explainFailure } from './explain-failure.ts';

const patienceMs = 3000;

/** Asks Consul for its leader. Returns why that failed, or null. */
export async function probeConsul(consul: ConsulConfig): Promise<string | null> {
  const url = `${consul.url}/v1/status/leader`;
  const agent = new Agent({ connect: consulTls(consul.tls) });
  try {
    const headers = consul.token === null ? {} : { 'x-consul-token': consul.token };
    const signal = AbortSignal.timeout(patienceMs);
    const answer = await request(url, { dispatcher: agent, headers, signal });
    const body = await answer.body.text();
    if (answer.statusCode !== 200) return `${url} answered ${answer.statusCode}`;
    return body.trim() === '""' ? `${consul.url} has no leader` : null;
  } catch (error) {
    return `cannot reach ${url}: ${explainFailure(error)}`;
  } finally {
    await agent.destroy();
  }
}
