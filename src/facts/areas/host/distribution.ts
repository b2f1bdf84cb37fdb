// A distribution as Ansible names it, from the files of a host.
import { type Unknown, unknown } from '../../../model/value.ts';

export interface ReleaseFiles {
  /** The variables of os-release. */
  readonly os: ReadonlyMap<string, string>;
  /** The first line of /etc/redhat-release and /etc/debian_version; empty when there is none. */
  readonly redhat: string;
  readonly debian: string;
}

interface Named {
  readonly distribution: string;
  readonly version: string;
  readonly release: string;
  readonly family: string;
}

type Distribution = {
  readonly distribution: string | Unknown;
  readonly distribution_version: string | Unknown;
  readonly distribution_major_version: string | Unknown;
  readonly distribution_release: string | Unknown;
  readonly os_family: string | Unknown;
};

/** Unknown where kmend does not know the distribution. */
export function distributionOf(files: ReleaseFiles): Distribution {
  const id = files.os.get('ID') ?? '';
  const named = redHat(files) ?? byId(id, files);
  if (named === undefined) {
    const why = unknown(`kmend does not know what Ansible calls ${id === '' ? 'this host' : id}`);
    return {
      distribution: why,
      distribution_version: why,
      distribution_major_version: why,
      distribution_release: why,
      os_family: why,
    };
  }
  return {
    distribution: named.distribution,
    distribution_version: named.version,
    distribution_major_version: named.version.split('.', 1)[0] ?? '',
    distribution_release: named.release,
    os_family: named.family,
  };
}

/** Its relatives have its file, with their own name in front. */
function redHat({ os, redhat }: ReleaseFiles): Named | undefined {
  if (redhat === '') return undefined;
  const first = redhat.split(' ', 1)[0] ?? '';
  const distribution =
    os.get('ID') === 'ol' ? 'OracleLinux' : redhat.includes('Red Hat') ? 'RedHat' : first;
  const number = /release ([0-9.]+)/.exec(redhat)?.[1] ?? '';
  // os-release of CentOS has no minor version.
  const version = first === 'CentOS' ? number.split('.').slice(0, 2).join('.') : undefined;
  return {
    distribution,
    version: version ?? os.get('VERSION_ID') ?? number,
    release: redhat.includes('CentOS Stream')
      ? 'Stream'
      : codename({ os, redhat: distribution === 'OracleLinux' ? '' : redhat }),
    family: 'RedHat',
  };
}

function byId(id: string, { os, debian }: ReleaseFiles): Named | undefined {
  const version = os.get('VERSION_ID') ?? '';
  switch (id) {
    case 'debian':
    case 'raspbian':
      return {
        distribution: 'Debian',
        version: dots(debian) > dots(version) || version === '' ? debian : version,
        release: bracketed(os.get('PRETTY_NAME')) ?? codename({ os }),
        family: 'Debian',
      };
    case 'ubuntu':
      return { distribution: 'Ubuntu', version, release: codename({ os }), family: 'Debian' };
    case 'amzn':
      return { distribution: 'Amazon', version, release: codename({ os }), family: 'RedHat' };
    case 'flatcar':
      return {
        distribution: 'Flatcar',
        version: os.get('VERSION') ?? version,
        release: codename({ os }),
        family: 'Flatcar',
      };
    default:
      return /^(?:sle[sd]|opensuse)/.test(id) ? suse(id, os) : undefined;
  }
}

/** SLES has no names of releases: their number stands there. */
function suse(id: string, os: ReadonlyMap<string, string>): Named {
  const [version = '', minor = ''] = /^[0-9]+\.?([0-9]*)/.exec(os.get('VERSION_ID') ?? '') ?? [];
  return {
    distribution: os.get('NAME') ?? '',
    version,
    release: minor === '' && id.startsWith('sle') ? '0' : minor,
    family: 'Suse',
  };
}

const dots = (version: string): number => version.split('.').length - 1;

const bracketed = (text = ''): string | undefined => /\(([^()0-9]+)\)/.exec(text)?.[1];

/** `NA` is Ansible's word for none. */
const codename = ({ os, redhat = '' }: Pick<ReleaseFiles, 'os'> & { readonly redhat?: string }) =>
  os.get('VERSION_CODENAME') ??
  os.get('UBUNTU_CODENAME') ??
  bracketed(os.get('VERSION')) ??
  /,([^0-9,]+)$/.exec(os.get('VERSION') ?? '')?.[1]?.trim() ??
  bracketed(redhat) ??
  'NA';
