// Area os: the distribution, by os-release.
import type { OsFamily } from '../../../model/facts/values.ts';
import type { Area } from '../../area.ts';
import { readAssignments } from '../../assignments.ts';
import { readFields } from '../../fields.ts';

/** By ID first, then by the words of ID_LIKE, which begin with the nearest distribution. */
const families: readonly { readonly family: OsFamily; readonly ids: readonly string[] }[] = [
  { family: 'coreos', ids: ['rhcos', 'scos'] },
  { family: 'flatcar', ids: ['flatcar', 'coreos'] },
  {
    family: 'rhel',
    ids: [
      'rhel',
      'centos',
      'rocky',
      'almalinux',
      'ol',
      'scientific',
      'amzn',
      'virtuozzo',
      'cloudlinux',
      'redhat',
    ],
  },
  { family: 'fedora', ids: ['fedora'] },
  { family: 'debian', ids: ['debian', 'ubuntu', 'raspbian', 'linuxmint'] },
  {
    family: 'suse',
    ids: ['sles', 'sled', 'suse', 'opensuse', 'opensuse-leap', 'opensuse-tumbleweed', 'sle_hpc'],
  },
];

function familyOf(id: string, like: string, variant: string): OsFamily {
  if (id === 'fedora' && variant === 'coreos') return 'coreos';
  for (const word of [id, ...like.split(' ')]) {
    const found = families.find(({ ids }) => ids.includes(word));
    if (found !== undefined) return found.family;
  }
  return 'unknown';
}

export const osArea: Area = {
  name: 'os',
  script: `printf %s "$O"
line "$R/etc/redhat-release" redhat`,
  quick: true,
  maxBytes: 65_536,
  parse: (text) => {
    const fields = readFields(text);
    const values = readAssignments(fields.all('os'));
    // el6 and older have no os-release.
    const id = values.get('ID') ?? (fields.has('redhat') ? 'rhel' : '');
    return {
      'os.id': id,
      'os.version':
        values.get('VERSION_ID') ?? /release ([0-9.]+)/.exec(fields.text('redhat'))?.[1] ?? '',
      'os.name': values.get('PRETTY_NAME') ?? fields.text('redhat'),
      'os.family': familyOf(id, values.get('ID_LIKE') ?? '', values.get('VARIANT_ID') ?? ''),
    };
  },
};
