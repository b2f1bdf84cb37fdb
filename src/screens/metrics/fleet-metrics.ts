// Metrics of the hosts, by the last check and the last drift of an inventory.
import type { HostDrift } from '../../core/history/drift-report.ts';
import { known } from '../../model/fact.ts';
import { present } from '../../model/present.ts';
import type { CheckRow } from '../hosts/check-table.ts';
import type { Family } from './exposition.ts';

/** Of one host: how much of its 65,534 cgroup ids is in use, and when they run out. */
export interface HostIds {
  readonly host: string;
  readonly used: number;
  /** Absent where dead groups do not grow, or nothing shows how fast. */
  readonly daysLeft?: number;
}

/** What a check found, as small plain data. */
export interface CheckNumbers {
  readonly inventory: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly verdicts: Readonly<Record<string, number>>;
  readonly remedies: Readonly<Record<string, number>>;
  /** Hosts without facts, by the kind of the failure. */
  readonly unread: Readonly<Record<string, number>>;
  /** Hosts that use a tenth of their ids, or whose dead groups grow. */
  readonly ids: readonly HostIds[];
}

/** From so many ids on a host has a sample of its own, also without growth. */
const manyIds = 6_553;
/** `kmem.ids.days_left` of a host whose dead groups do not grow. */
const never = 99_999;

const verdicts = ['off', 'on', 'leaking', 'at_risk', 'not_applicable', 'unknown'];
const remedies = [
  ...['none', 'reboot', 'default_kernel', 'kernel_arg', 'kernel_and_arg', 'runtime'],
  ...['unsupported', 'unknown'],
];
const zeros = (names: readonly string[]): Record<string, number> =>
  Object.fromEntries(names.map((name) => [name, 0]));

export function checkNumbers(
  rows: readonly CheckRow[],
  inventory: string,
  at: number,
): CheckNumbers {
  const found = {
    verdicts: zeros(verdicts),
    remedies: zeros(remedies),
    unread: zeros(['unreachable']),
  };
  const count = (into: Record<string, number>, name: string): void => {
    into[name] = (into[name] ?? 0) + 1;
  };
  const ids: HostIds[] = [];
  for (const { host, facts, failure } of rows) {
    if (facts === undefined) {
      count(found.unread, failure?.kind ?? 'parse');
      continue;
    }
    count(found.verdicts, known(facts, 'kmem.verdict', 'unknown'));
    count(found.remedies, known(facts, 'kmem.remedy', 'unknown'));
    const used = known(facts, 'kmem.ids.used', 0);
    const left = known(facts, 'kmem.ids.days_left', never);
    const daysLeft = left < never ? left : undefined;
    if (daysLeft !== undefined || used >= manyIds)
      ids.push({ host, used, ...present({ daysLeft }) });
  }
  return { inventory, at, ...found, ids };
}

export function checkFamilies(numbers: CheckNumbers): readonly Family[] {
  const { inventory, at, ids } = numbers;
  const by = (label: string, counts: Readonly<Record<string, number>>): Family['samples'] =>
    Object.entries(counts).map(([name, value]) => ({
      labels: { inventory, [label]: name },
      value,
    }));
  return [
    {
      name: 'kmend_check_time_seconds',
      help: 'When the last check ended, in Unix time.',
      samples: [{ labels: { inventory }, value: Math.round(at / 1000) }],
    },
    {
      name: 'kmend_verdict_hosts',
      help: 'Hosts by the state of kernel-memory accounting, by the last check.',
      samples: by('verdict', numbers.verdicts),
    },
    {
      name: 'kmend_remedy_hosts',
      help: 'Hosts by the remedy that they need, by the last check.',
      samples: by('remedy', numbers.remedies),
    },
    {
      name: 'kmend_unread_hosts',
      help: 'Hosts that the last check could not read, by the kind of the failure.',
      samples: by('reason', numbers.unread),
    },
    {
      name: 'kmend_cgroup_ids_used',
      help: 'Memory cgroup ids in use, of 65534: hosts that use a tenth or whose dead groups grow.',
      samples: ids.map(({ host, used }) => ({ labels: { inventory, host }, value: used })),
    },
    {
      name: 'kmend_cgroup_ids_left_seconds',
      help: 'Time from the last check until the memory cgroup ids of the host run out.',
      samples: ids.flatMap(({ host, daysLeft }) =>
        daysLeft === undefined
          ? []
          : [{ labels: { inventory, host }, value: Math.round(daysLeft * 86_400) }],
      ),
    },
  ];
}

export function driftFamilies(
  rows: readonly Pick<HostDrift, 'state'>[],
  inventory: string,
  at: number,
): readonly Family[] {
  const counts = zeros(['kept', 'lost', 'unproven', 'unread', 'never']);
  for (const { state } of rows) counts[state] = (counts[state] ?? 0) + 1;
  return [
    {
      name: 'kmend_drift_time_seconds',
      help: 'When drift was last read, in Unix time.',
      samples: [{ labels: { inventory }, value: Math.round(at / 1000) }],
    },
    {
      name: 'kmend_drift_hosts',
      help: 'Hosts of earlier runs by whether they kept their remedy.',
      samples: Object.entries(counts).map(([state, value]) => ({
        labels: { inventory, state },
        value,
      })),
    },
  ];
}
