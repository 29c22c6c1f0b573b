/** What generated messages are made of, as latin1 text. "Odd" is what a strict reader must judge, not always refuse. */

export * from './words/chunks.ts';
export * from './words/lines.ts';
export * from './words/start-lines.ts';
export * from './words/values.ts';

/** Bytes that are worth more than others when one is changed. */
export const TELLING_BYTES =
  '\r\n \t\x00\x01\x0b\x0c\x1f\x7f\x80\x85\xa0\xad\xff:;,"#%*+-/0159AFafgxX_.@[]\\';
