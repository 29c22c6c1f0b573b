import { createHmac, hash } from 'node:crypto';
import { toBytes } from '../template/bytes.ts';
import { FunctionError } from '../template/errors.ts';
import { type Named, ofTexts } from './define.ts';
import { base64Decode, base64Encode } from './go-text.ts';

function decoded(name: string, text: string, variant: 'base64' | 'base64url'): string {
  return base64Decode(text, variant) ?? refuse(name, text, variant);
}

/** Go names the byte at which it stopped. */
function refuse(name: string, text: string, variant: 'base64' | 'base64url'): never {
  const bad = (variant === 'base64' ? /[^A-Za-z0-9+/]/ : /[^A-Za-z0-9_-]/).exec(text);
  throw new FunctionError(
    `${name}: illegal base64 data at input byte ${bad?.index ?? text.length - (text.length % 4)}`,
  );
}

export const digestFunctions: Named = [
  ['base64Encode', ofTexts(1, (text) => base64Encode(text))],
  ['base64Decode', ofTexts(1, (text) => decoded('base64Decode', text, 'base64'))],
  ['base64URLEncode', ofTexts(1, (text) => base64Encode(text, 'base64url'))],
  ['base64URLDecode', ofTexts(1, (text) => decoded('base64URLDecode', text, 'base64url'))],
  ['sha256Hex', ofTexts(1, (text) => hash('sha256', toBytes(text)))],
  ['md5sum', ofTexts(1, (text) => hash('md5', toBytes(text)))],
  [
    'hmacSHA256Hex',
    ofTexts(2, (message, key) => createHmac('sha256', toBytes(key)).update(toBytes(message)).digest('hex')),
  ],
];
