/** Why a datagram was not passed on. Their numbers are in a counter. */
export const UDP_DROPS = [
  /** No room for a further session, or for what waits in one. */
  'overloaded',
  'denied',
  'rate_limited',
  'no_route',
  'no_healthy_instance',
  /** The system did not take it. */
  'unsent',
] as const;

export type UdpDrop = (typeof UDP_DROPS)[number];
