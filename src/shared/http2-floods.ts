/** What an HTTP/2 client sent too much of: the label `kind` of `http2_floods_total`. The numbers are positions. */
export const HTTP2_FLOODS = [
  /** Streams that end with an error, by either side: CVE-2023-44487, CVE-2025-8671. */
  'resets',
  'pings',
  'settings',
  /** Frames without content, window updates, priorities, padding. */
  'overhead',
] as const;

export type Http2Flood = (typeof HTTP2_FLOODS)[number];
