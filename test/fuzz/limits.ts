import type { Limits } from './reference.ts';

/** As small as they can sensibly be, so that most messages come near them, and as large as they usually are. */
export const LIMITS: readonly Limits[] = [
  { headBytes: 32_768, uriBytes: 8_192, fields: 100 },
  { headBytes: 512, uriBytes: 64, fields: 8 },
  { headBytes: 160, uriBytes: 160, fields: 5 },
];
