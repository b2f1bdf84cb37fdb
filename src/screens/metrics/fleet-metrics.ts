// Metrics of the hosts, by the last check and the last drift of an inventory.
import type { HostDrift } from '../../core/history/drift-report.ts';
import type { CheckedHost } from '../../core/view/overview.ts';
import type { Family, Sample } from './exposition.ts';

/** The last check of an inventory. */
export interface MeasuredFleet {
  readonly inventory: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly hosts: readonly CheckedHost[];
}

/** From so many ids on a host has a sample of its own, also without growth. */
const manyIds = 6_553;

const verdicts = ['off', 'on', 'leaking', 'at_risk', 'not_applicable', 'unknown'];
const remedies = [
  ...['none', 'reboot', 'default_kernel', 'kernel_arg', 'kernel_and_arg', 'runtime'],
  ...['unsupported', 'unknown'],
];

/** A sample for each name, also for those that no host has. */
const counted = (
  names: readonly string[],
  found: readonly (string | undefined)[],
  sample: (name: string) => Sample['labels'],
): readonly Sample[] =>
  names.map((name) => ({
    labels: sample(name),
    value: found.filter((one) => one === name).length,
  }));

export function checkFamilies({ inventory, at, hosts }: MeasuredFleet): readonly Family[] {
  const read = hosts.filter(({ verdict }) => verdict !== undefined);
  const ids = read.filter(
    ({ idsUsed = 0, idsDaysLeft }) => idsDaysLeft !== undefined || idsUsed >= manyIds,
  );
  const one = (value: number): readonly Sample[] => [{ labels: { inventory }, value }];
  return [
    {
      name: 'kmend_check_time_seconds',
      help: 'When the last check ended, in Unix time.',
      samples: one(Math.round(at / 1000)),
    },
    {
      name: 'kmend_verdict_hosts',
      help: 'Hosts by the state of kernel-memory accounting, by the last check.',
      samples: counted(
        verdicts,
        read.map(({ verdict }) => verdict),
        (verdict) => ({ inventory, verdict }),
      ),
    },
    {
      name: 'kmend_remedy_hosts',
      help: 'Hosts by the remedy that they need, by the last check.',
      samples: counted(
        remedies,
        read.map(({ remedy }) => remedy),
        (remedy) => ({ inventory, remedy }),
      ),
    },
    {
      name: 'kmend_unread_hosts',
      help: 'Hosts that the last check could not read.',
      samples: one(hosts.length - read.length),
    },
    {
      name: 'kmend_cgroup_ids_used',
      help: 'Memory cgroup ids in use, of 65534: hosts that use a tenth or whose dead groups grow.',
      samples: ids.map(({ host, idsUsed = 0 }) => ({
        labels: { inventory, host },
        value: idsUsed,
      })),
    },
    {
      name: 'kmend_cgroup_ids_left_seconds',
      help: 'Time from the last check until the memory cgroup ids of the host run out.',
      samples: ids.flatMap(({ host, idsDaysLeft }) =>
        idsDaysLeft === undefined
          ? []
          : [{ labels: { inventory, host }, value: Math.round(idsDaysLeft * 86_400) }],
      ),
    },
  ];
}

export function driftFamilies(
  rows: readonly Pick<HostDrift, 'state'>[],
  inventory: string,
  at: number,
): readonly Family[] {
  return [
    {
      name: 'kmend_drift_time_seconds',
      help: 'When drift was last read, in Unix time.',
      samples: [{ labels: { inventory }, value: Math.round(at / 1000) }],
    },
    {
      name: 'kmend_drift_hosts',
      help: 'Hosts of earlier runs by whether they kept their remedy.',
      samples: counted(
        ['kept', 'lost', 'unproven', 'unread', 'never'],
        rows.map(({ state }) => state),
        (state) => ({ inventory, state }),
      ),
    },
  ];
}
