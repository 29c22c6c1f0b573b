/** What choosing a certificate costs for a name that has its context already. */
import type { Certificate } from '../../tls/certificate.ts';
import { Certificates } from '../../tls/certificates.ts';
import type { Piece } from '../table/clock.ts';
import { received } from '../table/samples.ts';

/** A store with as many as given, of which the names of the first `asked` are asked for in turn, `count` times. */
export function lookup(all: readonly Certificate[], asked: number, count: number): Piece {
  const store = new Certificates();
  store.apply(all, null);
  const names = all.slice(0, asked).map(({ names: [name] }) => name!);
  return {
    name: `${names.length} names asked`,
    routes: all.length,
    count,
    expected: count,
    prepare() {
      const wanted = Array.from({ length: count }, (_, i) => received(names[i % names.length]!));
      return () => {
        let found = 0;
        for (const name of wanted) if (store.contextFor(name).kind === 'context') found++;
        return found;
      };
    },
  };
}
