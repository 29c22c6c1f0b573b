/** An authority within the process: every name is proved already, and certificates are signed by their own keys. */
import { createPrivateKey, createPublicKey, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { Authority, Order } from '../../src/control/acme/authority.ts';

export interface FakeAuthority extends Authority {
  readonly orders: number;
}

export interface FakeOptions {
  /** Awaited before a certificate is handed out. */
  readonly beforeCertificate?: () => Promise<void>;
  readonly notAfter?: Date;
}

export function fakeAuthority({ beforeCertificate, notAfter }: FakeOptions = {}): FakeAuthority {
  const finalized = new Map<string, { names: readonly string[]; keyPem: string }>();
  let orders = 0;
  const order = (url: string): Order => ({
    ...{ url, authorizations: [] },
    status: finalized.has(url) ? 'valid' : 'ready',
  });
  return {
    get orders() {
      return orders;
    },
    register: async () => 'https://ca.test/account',
    async newOrder() {
      orders += 1;
      return order(`https://ca.test/order/${orders}`);
    },
    getOrder: async (url) => order(url),
    getAuthorization: () => Promise.reject(new Error('nothing is to be proved')),
    keyAuthorization: async () => '',
    respond: async () => {},
    async finalize(url, names, keyPem) {
      finalized.set(url, { names, keyPem });
      return order(url);
    },
    async certificate(url) {
      await beforeCertificate?.();
      const { names, keyPem } = finalized.get(url)!;
      return selfSigned(keyPem, names, notAfter);
    },
    renewalInfo: async () => null,
    close: async () => {},
  };
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A certificate for an EC key; `serial` in hex, `issuerKeyId` as its authority key identifier. */
export async function selfSigned(
  keyPem: string,
  names: readonly string[],
  notAfter: Date = new Date(Date.now() + 90 * 24 * 3_600_000),
  { serial = '01', issuerKeyId }: { readonly serial?: string; readonly issuerKeyId?: string } = {},
): Promise<string> {
  const { subtle } = webcrypto;
  const pkcs8 = createPrivateKey(keyPem).export({ type: 'pkcs8', format: 'der' });
  const spki = createPublicKey(keyPem).export({ type: 'spki', format: 'der' });
  const keys = {
    privateKey: await subtle.importKey('pkcs8', pkcs8, algorithm, true, ['sign']),
    publicKey: await subtle.importKey('spki', spki, algorithm, true, ['verify']),
  };
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...{ keys, signingAlgorithm: algorithm, name: 'CN=fake', serialNumber: serial, notAfter },
    notBefore: new Date(Math.min(Date.now(), notAfter.getTime()) - 3_600_000),
    extensions: [
      new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value }))),
      ...(issuerKeyId === undefined ? [] : [new x509.AuthorityKeyIdentifierExtension(issuerKeyId)]),
    ],
  });
  return certificate.toString('pem');
}
