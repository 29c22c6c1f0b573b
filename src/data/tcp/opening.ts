import type { Arrival } from './arrival.ts';
import { proxyHeader } from './proxy-header.ts';

/** PostgreSQL, "Message Formats", SSLRequest: its length and 80877103. */
export const POSTGRES_SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
/** GSSENCRequest: its length and 80877104. */
export const POSTGRES_GSS_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30]);
export const POSTGRES_YES = 0x53;
export const POSTGRES_NO = 0x4e;

/** What an instance is sent before anything of the client; null for nothing. */
export function opening(arrival: Arrival, proxy: 'v1' | 'v2' | undefined): Buffer | null {
  const header = proxy === undefined ? null : proxyHeader(proxy, arrival);
  if (!arrival.isPostgres) return header;
  return header === null ? POSTGRES_SSL_REQUEST : Buffer.concat([header, POSTGRES_SSL_REQUEST]);
}
