import { once } from 'node:events';
import { type Certificate, readCertificate } from '../../../tls/certificate.ts';
import { type LocalCa, openLocalCa } from '../../../tls/local-ca.ts';
import { normalizeCertificateName } from '../../../tls/server-name.ts';
import type { CertificateSource, OnCertificates, RefusedCertificate } from './source.ts';

/** Made at the start, and shown to clients that name no server. */
const OWN_NAMES = ['localhost', '127.0.0.1', '::1'];
/** Whoever develops has fewer. */
const MOST_HOSTS = 1_000;

/** A certificate for each host of a route, signed by an authority of this machine alone. */
export class LocalCaSource implements CertificateSource {
  readonly name: string;
  readonly #folder: string;
  readonly #issued = new Map<string, Certificate>();
  #hosts: readonly string[] = [];
  #making: Promise<void> = Promise.resolve();
  #make: () => void = () => {};

  constructor(folder: string) {
    this.#folder = folder;
    this.name = `local CA ${folder}`;
  }

  /** All hosts there are. */
  want(hosts: readonly string[]): void {
    this.#hosts = hosts;
    this.#make();
  }

  async watch(onCertificates: OnCertificates, signal: AbortSignal): Promise<void> {
    const ca = await openLocalCa(this.#folder).catch((error: Error) => {
      onCertificates([], [{ source: this.name, reason: error.message }]);
      return null;
    });
    if (ca === null) return;
    this.#make = () => {
      this.#making = this.#making.then(() => this.#tellAll(ca, onCertificates, signal));
    };
    this.#make();
    if (!signal.aborted) await once(signal, 'abort');
    await this.#making;
  }

  async #tellAll(ca: LocalCa, onCertificates: OnCertificates, signal: AbortSignal): Promise<void> {
    const refused: RefusedCertificate[] = [];
    const set: Certificate[] = [];
    const names = this.#hosts.filter(
      (host) => !OWN_NAMES.includes(host) && normalizeCertificateName(host) !== null,
    );
    for (const group of [OWN_NAMES, ...names.slice(0, MOST_HOSTS).map((name) => [name])]) {
      if (signal.aborted) return;
      try {
        set.push(await this.#certificateFor(ca, group));
      } catch (error) {
        refused.push({ source: `${this.name}: ${group[0]}`, reason: (error as Error).message });
      }
    }
    if (names.length > MOST_HOSTS)
      refused.push({ source: this.name, reason: `more than ${MOST_HOSTS} hosts` });
    if (!signal.aborted) onCertificates(set, refused);
  }

  async #certificateFor(ca: LocalCa, names: readonly string[]): Promise<Certificate> {
    const [name = ''] = names;
    const known = this.#issued.get(name);
    if (known !== undefined) return known;
    const { certPem, keyPem } = await ca.issue(names);
    const read = readCertificate(certPem, keyPem, `local CA ${name}`);
    if (!read.ok) throw new Error(read.reason);
    this.#issued.set(name, read.certificate);
    return read.certificate;
  }
}
