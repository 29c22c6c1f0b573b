import type forge from 'node-forge';

/** Chain and key of a PKCS#12 file, as PEM; or why not. */
export type Unpacked =
  | { readonly ok: true; readonly certPem: string; readonly keyPem: string }
  | { readonly ok: false; readonly reason: string };

/**
 * Opens a `.p12` or `.pfx` file. The only use of node-forge, loaded when there is such a file: it is for files of the
 * operator's own and must never see bytes from a network. Keys it does not know (elliptic curves) pass through it as they
 * are.
 */
export async function unpackPkcs12(content: Buffer, password: string): Promise<Unpacked> {
  const { default: lib } = await import('node-forge');
  try {
    const asn1 = lib.asn1.fromDer(content.toString('latin1'));
    const store = lib.pkcs12.pkcs12FromAsn1(asn1, true, password);
    return unpack(lib, store);
  } catch (error) {
    return refuse(explain(error));
  }
}

function unpack(lib: typeof forge, store: forge.pkcs12.Pkcs12Pfx): Unpacked {
  const { certBag, pkcs8ShroudedKeyBag, keyBag } = lib.pki.oids;
  const bags = (type: string | undefined): readonly forge.pkcs12.Bag[] =>
    type === undefined ? [] : (store.getBags({ bagType: type })[type] ?? []);
  const certificates = bags(certBag).flatMap(({ cert, asn1 }) => {
    if (cert) return [lib.pki.certificateToPem(cert)];
    return [
      lib.pem.encode({ type: 'CERTIFICATE', body: lib.asn1.toDer(asn1).getBytes() } as forge.pem.ObjectPEM),
    ];
  });
  const keys = [...bags(pkcs8ShroudedKeyBag), ...bags(keyBag)].map(({ key, asn1 }) =>
    key
      ? lib.pki.privateKeyInfoToPem(lib.pki.wrapRsaPrivateKey(lib.pki.privateKeyToAsn1(key)))
      : lib.pem.encode({ type: 'PRIVATE KEY', body: lib.asn1.toDer(asn1).getBytes() } as forge.pem.ObjectPEM),
  );
  if (keys.length === 0) return refuse('no private key');
  return { ok: true, certPem: certificates.join(''), keyPem: keys.join('') };
}

function explain(error: unknown): string {
  const { message } = error as Error;
  if (/MAC could not be verified|password/i.test(message)) return 'the password does not open it';
  return 'not a PKCS#12 file that can be read: convert it to PEM';
}

function refuse(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}
