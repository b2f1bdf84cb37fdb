// Area ansible: facts by the names that Ansible gives them, for plays that use these. It reads them
// by itself, so that one want is enough.

import type { Facts } from '../../../model/fact.ts';
import type { Selinux } from '../../../model/facts/values.ts';
import { scriptText } from '../../../model/text/script-text.ts';
import { type Mapping, type Unknown, unknown } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { readAssignments } from '../../assignments.ts';
import { type Fields, readFields, wholeNumber } from '../../fields.ts';
import { managerOf } from '../packages/packages.ts';
import ansible from './ansible.sh';
import { distributionOf } from './distribution.ts';

export const ansibleArea: Area = {
  name: 'ansible',
  needs: 'packages',
  script: scriptText(ansible),
  maxBytes: 131_072,
  parse: (text): Facts => {
    const fields = readFields(text);
    const node = fields.text('host').trim();
    const named = distributionOf({
      os: readAssignments(fields.all('os')),
      redhat: fields.text('redhat').trim(),
      debian: fields.text('debian').trim(),
    });
    return bothNames({
      ...named,
      kernel: fields.text('kernel').trim() || unknown('the kernel release could not be read'),
      architecture: /^i[3-6]86$/.test(fields.text('arch')) ? 'i386' : fields.text('arch'),
      hostname: node.split('.', 1)[0] ?? '',
      nodename: node,
      pkg_mgr: packageManager(fields),
      service_mgr: serviceManager(fields),
      memtotal_mb: memory(text),
      selinux: selinuxOf(fields),
    });
  },
};

/** Each under `ansible_NAME` and under `ansible_facts`. */
function bothNames(values: Mapping): Facts {
  const both: Mapping = Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => [
      [`ansible_${name}`, value],
      [`ansible_facts.${name}`, value],
    ]),
  );
  return both as Facts;
}

function packageManager(fields: Fields): string {
  const manager = managerOf(
    fields.text('family'),
    fields.text('version').replaceAll('"', ''),
    fields.all('tool'),
    fields.has('ostree'),
  );
  if (manager === 'rpm-ostree') return 'atomic_container';
  return manager === 'none' ? 'unknown' : manager;
}

const inits: Readonly<Record<string, string>> = {
  'openrc-init': 'openrc',
  procd: 'openwrt_init',
  'runit-init': 'runit',
  svscan: 'svc',
};

/** By the name of process 1. `init` and shells say nothing: then by what is there. */
function serviceManager(fields: Fields): string {
  const init = fields.text('init').trim();
  if (init !== '' && init !== 'init' && !init.endsWith('sh'))
    return Object.hasOwn(inits, init) ? (inits[init] ?? init) : init;
  if (fields.has('systemd')) return 'systemd';
  const there = fields.all('there');
  if (there.includes('/sbin/openrc')) return 'openrc';
  return there.includes('/etc/init.d') ? 'sysvinit' : 'service';
}

function memory(text: string): number | Unknown {
  const kilobytes = wholeNumber(/^MemTotal: *(\d+) kB/m.exec(text)?.[1] ?? '');
  return kilobytes === undefined
    ? unknown('/proc/meminfo could not be read')
    : Math.floor(kilobytes / 1024);
}

const modes = ['permissive', 'enforcing'];

function selinuxOf(fields: Fields): Selinux {
  if (!fields.has('enforce')) return { status: 'disabled' };
  const config = readAssignments(fields.all('selinux'));
  return {
    status: 'enabled',
    mode: modes[fields.number('enforce', 2)] ?? 'unknown',
    config_mode: config.get('SELINUX')?.toLowerCase() ?? 'unknown',
    type: config.get('SELINUXTYPE') ?? 'unknown',
    policyvers: fields.number('policy'),
  };
}
