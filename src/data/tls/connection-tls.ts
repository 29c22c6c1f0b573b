import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { Profile } from '../../../tls/profiles.ts';
import { normalizeServerName } from '../../../tls/server-name.ts';

/** What a finished handshake says about a connection. */
export interface ConnectionTls {
  /** `TLSv1.3`, for the log. */
  readonly version: string;
  /** Lower case, without a dot at its end; empty when the client named none. */
  readonly serverName: string;
  readonly profile: Profile;
  /** Fields about the client's certificate for the upstream, ready to be sent; empty without one. */
  readonly clientFields: string;
}

export function connectionTls(socket: TLSSocket, serverName: string, profile: Profile): ConnectionTls {
  const certificate = profile.clientAuth === null ? undefined : socket.getPeerX509Certificate();
  return {
    version: socket.getProtocol() ?? '',
    serverName: normalizeServerName(serverName) ?? '',
    profile,
    clientFields: certificate === undefined ? '' : clientFields(certificate),
  };
}

/**
 * What Traefik's `passTLSClientCert` sends: the certificate as base64 without line ends, and its facts. Both are
 * percent-encoded, so that nothing an authority has signed can end a field or begin another.
 */
function clientFields(certificate: X509Certificate): string {
  const facts = [
    `Subject="${oneLine(certificate.subject)}"`,
    `Issuer="${oneLine(certificate.issuer)}"`,
    `NB="${Math.floor(certificate.validFromDate.getTime() / 1000)}"`,
    `NA="${Math.floor(certificate.validToDate.getTime() / 1000)}"`,
    `SAN="${certificate.subjectAltName ?? ''}"`,
    `SerialNumber="${certificate.serialNumber}"`,
  ].join(';');
  return (
    `X-Forwarded-Tls-Client-Cert: ${encodeURIComponent(certificate.raw.toString('base64'))}\r\n` +
    `X-Forwarded-Tls-Client-Cert-Info: ${encodeURIComponent(facts.toWellFormed())}\r\n`
  );
}

/** Node writes one relative name a line. */
function oneLine(name: string | undefined): string {
  return (name ?? '').split('\n').join(',');
}
