/** Why a function is not there, for those who bring templates that use it. */

const VAULT = ['secret', 'secrets', 'pkiCert'];
const NOMAD = [
  'nomadService',
  'nomadServices',
  'nomadVar',
  'nomadVarExists',
  'nomadVarList',
  'nomadVarListSafe',
];
const DUMPS = ['spew_dump', 'spew_printf', 'spew_sdump', 'spew_sprintf'];

/** consul-template leaves these out, too: every evaluation would give another text. */
const CHANGING = new Set(
  ['date', 'date_in_zone', 'date_modify', 'dateInZone', 'dateModify', 'htmlDate', 'htmlDateInZone', 'now']
    .concat([
      'randAlphaNum',
      'randAlpha',
      'randAscii',
      'randNumeric',
      'randBytes',
      'randInt',
      'shuffle',
      'uuidv4',
    ])
    .concat(['env', 'expandenv', 'getHostByName']),
);

const RENAMED = new Map([
  ['key_or_default', 'keyOrDefault'],
  ['key_exists', 'keyExists'],
]);

/** @param isKnown whether there is a function of a name */
export function hintFor(name: string, isKnown: (name: string) => boolean): string | null {
  if (VAULT.includes(name)) return 'it reads Vault, which fairlead does not';
  if (NOMAD.includes(name)) return 'it reads Nomad, which fairlead does not';
  if (DUMPS.includes(name)) return 'printf "%#v" shows a value';
  const renamed = RENAMED.get(name);
  if (renamed !== undefined) return `it is called ${renamed}`;
  if (name.startsWith('sprig_')) return sprigHint(name.slice('sprig_'.length));
  return isKnown(`sprig_${name}`) ? `did you mean sprig_${name}?` : null;
}

function sprigHint(name: string): string {
  if (CHANGING.has(name)) return 'its result may be another one every time, and so would be the file';
  return 'this one of Sprig is not offered';
}
