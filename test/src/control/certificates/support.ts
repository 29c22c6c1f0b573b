import type { CertificateSource, RefusedCertificate } from '../../../../src/control/certificates/source.ts';
import type { Certificate } from '../../../../tls/certificate.ts';
import { eventually } from '../../../support/process.ts';

/** What a source has told, and the end of it. */
export interface Watched {
  readonly set: readonly Certificate[];
  readonly refused: readonly RefusedCertificate[];
  /** How often it has told something. */
  readonly told: number;
  /** The first name of each certificate, sorted. */
  names(): readonly string[];
  reasons(): readonly string[];
  /** Waits until exactly these first names are there. */
  until(...names: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

export function watchSource(source: CertificateSource): Watched {
  const stop = new AbortController();
  const state = { set: [] as readonly Certificate[], refused: [] as readonly RefusedCertificate[], told: 0 };
  const done = source.watch((set, refused) => {
    Object.assign(state, { set, refused, told: state.told + 1 });
  }, stop.signal);
  const watched: Watched = {
    get set() {
      return state.set;
    },
    get refused() {
      return state.refused;
    },
    get told() {
      return state.told;
    },
    names: () => state.set.map(({ names }) => names[0] ?? '').sort(),
    reasons: () => state.refused.map(({ source: from, reason }) => `${from}: ${reason}`),
    async until(...names) {
      const wanted = names.toSorted().join(' ');
      await eventually(
        () => {
          const seen = watched.names().join(' ');
          if (state.told === 0 || seen !== wanted)
            throw new Error(`it has ${seen}; ${watched.reasons().join('; ')}`);
        },
        { what: `certificates for ${wanted}`, timeoutMs: 8_000 },
      );
    },
    async stop() {
      stop.abort();
      await done;
    },
  };
  return watched;
}
