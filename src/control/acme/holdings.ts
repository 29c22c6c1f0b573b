import { ABSENT } from '../store/store.ts';
import type { Book, View } from './book.ts';
import type { CertificateRecord } from './records.ts';

/** A certificate to serve, as the certificate store takes it. */
export type HeldCertificate = Pick<
  CertificateRecord,
  'id' | 'names' | 'certPem' | 'keyPem' | 'notBefore' | 'notAfter'
>;

export interface HoldingsOptions {
  readonly shared: Book;
  /** A copy on this machine's disk; null where the shared store is on it anyway. */
  readonly local: Book | null;
  readonly now: () => number;
  readonly onCertificates: (certificates: readonly HeldCertificate[]) => void;
  readonly onFault: (message: string) => void;
}

/**
 * The certificates this replica serves: what the store has, and what it had before it lost its memory. A store that is
 * away or empty never takes a good certificate out of service.
 */
export class Holdings {
  readonly #options: HoldingsOptions;
  readonly #held = new Map<string, CertificateRecord>();

  constructor(options: HoldingsOptions) {
    this.#options = options;
  }

  /** What a start without the shared store can serve. */
  async loadLocal(): Promise<void> {
    const { local, onFault } = this.#options;
    if (local === null) return;
    const life = new AbortController();
    const { promise, resolve } = Promise.withResolvers<View | null>();
    const onBroken = (message: string): void => {
      onFault(message);
      resolve(null);
    };
    local.watch(resolve, onBroken, life.signal);
    const view = await promise;
    life.abort();
    for (const [id, record] of view?.certificates ?? []) this.#held.set(id, record);
  }

  take(view: View): void {
    let changed = false;
    for (const [id, record] of view.certificates) {
      if (this.#held.get(id) === record) continue;
      const isNew = this.#held.get(id)?.certPem !== record.certPem;
      this.#held.set(id, record);
      if (isNew) this.#copy(record);
      changed ||= isNew;
    }
    for (const [id, record] of this.#held) {
      if (view.certificates.has(id)) continue;
      if (record.notAfter > this.#options.now()) {
        this.#restore(record);
        continue;
      }
      this.#held.delete(id);
      void this.#options.local?.remove('certificate', id).catch(this.#report);
      changed = true;
    }
    if (changed) this.#emit();
  }

  get held(): readonly HeldCertificate[] {
    return [...this.#held.values()];
  }

  #emit(): void {
    this.#options.onCertificates(this.held);
  }

  #copy(record: CertificateRecord): void {
    void this.#options.local?.write('certificate', record.id, record).catch(this.#report);
  }

  /** The store has lost it, perhaps with its counters: fencing begins anew. */
  #restore(record: CertificateRecord): void {
    const fresh = { ...record, fence: 0 };
    void this.#options.shared.write('certificate', record.id, fresh, ABSENT).catch(this.#report);
  }

  readonly #report = (error: Error): void => this.#options.onFault(error.message);
}
