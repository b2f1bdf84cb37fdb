// Area os: which distribution, from os-release.
import type { Area } from '../../area.ts';
import { readAssignments } from '../../assignments.ts';
import { readFields } from '../../fields.ts';

type Family = 'rhel' | 'debian' | 'suse' | 'fedora' | 'coreos' | 'flatcar' | 'unknown';

/** By ID first, then by the words of ID_LIKE, nearest first. */
const families: readonly { readonly family: Family; readonly ids: readonly string[] }[] = [
  { family: 'coreos', ids: ['rhcos', 'scos'] },
  { family: 'flatcar', ids: ['flatcar', 'coreos'] },
  { family: 'rhel', ids: ['rhel', 'centos', 'rocky', 'almalinux', 'ol', 'scientific', 'amzn', 'virtuozzo', 'cloudlinux', 'redhat'] },
  { family: 'fedora', ids: ['fedora'] },
  { family: 'debian', ids: ['debian', 'ubuntu', 'raspbian', 'linuxmint'] },
  { family: 'suse', ids: ['sles', 'sled', 'suse', 'opensuse', 'opensuse-leap', 'opensuse-tumbleweed', 'sle_hpc'] },
];

function familyOf(id: string, like: string, variant: string): Family {
  if (id === 'fedora' && variant === 'coreos') return 'coreos';
  for (const word of [id, ...like.split(' ')]) {
    const found = families.find(({ ids }) => ids.includes(word));
    if (found !== undefined) return found.family;
  }
  return 'unknown';
}

export const osArea: Area = {
  name: 'os',
  facts: [
    { name: 'os.id', lifetime: 'disk', summary: 'ID of os-release; empty when there is none', example: 'centos' },
    { name: 'os.version', lifetime: 'disk', summary: 'VERSION_ID of os-release', example: '7' },
    { name: 'os.name', lifetime: 'disk', summary: 'PRETTY_NAME of os-release', example: 'CentOS Linux 7 (Core)' },
    {
      name: 'os.family',
      lifetime: 'disk',
      summary: 'rhel, debian, suse, fedora, coreos, flatcar or unknown: how packages and the boot loader are handled',
      example: 'rhel',
    },
  ],
  script: `if [ -e "$R/etc/os-release" ]; then dump "$R/etc/os-release" os; else dump "$R/usr/lib/os-release" os; fi
line "$R/etc/redhat-release" redhat`,
  maxBytes: 65_536,
  parse: (text) => {
    const fields = readFields(text);
    const values = readAssignments(fields.all('os'));
    // el6 and older have no os-release.
    const id = values.get('ID') ?? (fields.has('redhat') ? 'rhel' : '');
    return {
      'os.id': id,
      'os.version': values.get('VERSION_ID') ?? /release ([0-9.]+)/.exec(fields.text('redhat'))?.[1] ?? '',
      'os.name': values.get('PRETTY_NAME') ?? fields.text('redhat'),
      'os.family': familyOf(id, values.get('ID_LIKE') ?? '', values.get('VARIANT_ID') ?? ''),
    };
  },
};
