// Views of runs that never were: fleets of any size, part of the way or at their end.
import type {
  HostRow,
  Line,
  Point,
  RowStatus,
  RunView,
  Step,
  StepKind,
} from '../../src/core/view/model.ts';
import { present } from '../../src/model/present.ts';
import { statuses } from '../../src/screens/html/words.ts';

/** Numbers in [0, 1) that are the same in every run. */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const second = 1000;
const usual: readonly (readonly [StepKind, number])[] = [
  ['facts', 4],
  ['drain', 70],
  ['package', 45],
  ['boot_argument', 3],
  ['reboot', 150],
  ['proof', 12],
  ['soak', 30],
];
const failures = [
  { step: 'drain', kind: 'timeout', text: 'did not drain within 10m: budget web/api' },
  { step: 'reboot', kind: 'timeout', text: 'did not come back within 20m' },
  {
    step: 'proof',
    kind: 'unmet',
    text: 'kmem still on: memory.kmem.usage_in_bytes of 12 cgroups readable',
  },
] as const;

export interface Wanted {
  readonly hosts: number;
  readonly zones: number;
  readonly slots: number;
  /** Part of the run that has passed; 1 = it is over. */
  readonly passed: number;
  readonly name?: (index: number) => string;
}

interface Walk {
  readonly steps: readonly Step[];
  readonly end: number;
  readonly failure?: (typeof failures)[number];
}

function walkFrom(start: number, random: () => number): Walk {
  const failure = random() < 0.012 ? failures[Math.floor(random() * failures.length)] : undefined;
  const steps: Step[] = [];
  let from = start;
  for (const [kind, seconds] of usual) {
    const broken = failure?.step === kind;
    const to = from + seconds * second * (0.6 + 0.9 * random()) * (broken ? 4 : 1);
    steps.push({ kind, from: Math.round(from), to: Math.round(to) });
    from = to;
    if (broken) return { steps, end: Math.round(from), failure };
  }
  return { steps, end: Math.round(from) };
}

export const begin = Date.UTC(2026, 10, 26, 1);

function rowsOf({
  hosts,
  zones,
  slots,
  name = (index) => `node-${String(index).padStart(4, '0')}`,
}: Wanted): readonly (HostRow & { readonly end: number })[] {
  const random = numbersFrom(hosts);
  const free = Array.from({ length: slots }, () => begin + 2 * second);
  return Array.from({ length: hosts }, (_, index) => {
    const row = {
      host: name(index),
      zone: index % zones,
      before: random() < 0.3 ? ('leaking' as const) : ('on' as const),
      remedy: random() < 0.4 ? ('runtime' as const) : ('kernel_arg' as const),
      wave: index < slots ? 1 : 2,
    };
    if (random() < 0.01)
      return {
        ...row,
        status: 'refused' as const,
        steps: [],
        end: 0,
        reason: {
          kind: 'refused',
          text: 'docker-ce is held: the package manager would leave it as it is',
          hint: 'yum versionlock delete docker-ce, then plan again',
        },
      };
    const slot = free.indexOf(Math.min(...free));
    const { steps, end, failure } = walkFrom(free[slot] ?? begin, random);
    free[slot] = end;
    return {
      ...row,
      ...present({
        startedAt: steps[0]?.from,
        endedAt: end,
        reason:
          failure === undefined
            ? undefined
            : { kind: failure.kind, text: failure.text, detail: 'Started Reboot.\nlost' },
        proof:
          failure === undefined
            ? {
                verdict: 'off' as const,
                by: 'samples',
                evidence: `EIO on ${index % 40} of ${index % 40}; root kmem usage 0, no cgroup in /sys/kernel/slab`,
              }
            : undefined,
      }),
      status: failure === undefined ? ('done' as const) : ('failed' as const),
      steps,
      end,
    };
  });
}

/** A row as it was at a time. */
function rowAt({ end, ...row }: HostRow & { readonly end: number }, now: number): HostRow {
  if (row.status === 'refused' || end <= now) return row;
  const { proof: _, reason: __, endedAt: ___, ...rest } = row;
  if ((row.startedAt ?? 0) > now) {
    const { startedAt: ____, ...planned } = rest;
    return { ...planned, status: 'planned', steps: [] };
  }
  const steps = row.steps
    .filter(({ from }) => from <= now)
    .map((step) => ((step.to ?? now) > now ? { kind: step.kind, from: step.from } : step));
  const last = steps.at(-1);
  return {
    ...rest,
    status: last?.kind === 'soak' ? 'soaking' : 'running',
    steps,
    ...present({
      doing:
        last === undefined
          ? undefined
          : { text: `${last.kind}: at work`, since: last.from, usual: 70 },
    }),
  };
}

export function viewOf(wanted: Wanted): RunView {
  const whole = rowsOf(wanted);
  const last = Math.max(...whole.map(({ end }) => end));
  const over = wanted.passed >= 1;
  const now = over ? last : Math.round(begin + (last - begin) * wanted.passed);
  const hosts = whole.map((row) => rowAt(row, now));
  const counts = Object.fromEntries(
    statuses.map((status) => [status, hosts.filter((row) => row.status === status).length]),
  ) as Record<RowStatus, number>;
  const ends = (factor: number, until: number): readonly Point[] =>
    whole
      .filter(({ status, end }) => status === 'done' && end <= until)
      .map(({ end }) => begin + (end - begin) * factor)
      .toSorted((a, b) => a - b)
      .map((at, index) => ({ at: Math.round(at), done: index + 1 }));
  const lines = hosts
    .filter(({ endedAt }) => endedAt !== undefined)
    .toSorted((a, b) => (a.endedAt ?? 0) - (b.endedAt ?? 0))
    .slice(-200)
    .map(
      ({ host, endedAt = now, status, proof, reason }, index): Line => ({
        seq: index,
        at: endedAt,
        host,
        text: proof === undefined ? `${reason?.kind}: ${reason?.text}` : `off: ${proof.evidence}`,
        level: status === 'failed' ? 'error' : 'good',
      }),
    );
  const failed = hosts.filter(({ status }) => status === 'failed');
  return {
    head: {
      run: '20261126-010000-sim5',
      play: 'Take hosts out of kernel-memory accounting',
      playbook: 'playbooks/auto.yaml',
      planId: 'p1',
      by: 'ada',
      tool: '0.1.0',
      attended: true,
      startedAt: begin,
      lastAt: now,
      lastSeq: hosts.length,
      phase: over ? (failed.length > 0 ? 'failed' : 'done') : 'running',
      ...(over
        ? { exit: failed.length > 0 ? 4 : 0, why: `${counts.done} done, ${failed.length} failed` }
        : {
            holder: 'ada',
            forecast: {
              at: now,
              from: Math.round(last * 1),
              to: Math.round(last + (last - now) * 0.3),
            },
          }),
      counts,
      wave: { number: 2, of: 2, canary: false },
      brake: { failures: failed.length, allowed: Math.ceil(hosts.length / 20) },
      slots: { held: over ? 0 : wanted.slots, of: wanted.slots, kept: over ? 0 : failed.length },
      waits: over ? [] : [{ rule: 'zone', text: 'eu-1b is full: 82 hosts wait for their zone' }],
      gates: over ? [] : [{ name: 'prometheus', open: true, read: 'alerts 0', since: begin }],
      needs: failed.map(({ host, reason }) => ({
        kind: 'resolve' as const,
        host,
        text: `${reason?.kind}: ${reason?.text}`,
        command: `kmend resume 20261126-010000-sim5 --retry ${host}`,
      })),
    },
    zones: Array.from({ length: wanted.zones }, (_, index) => ({
      name: wanted.zones === 1 ? '' : `eu-${1 + Math.floor(index / 3)}${'abc'[index % 3]}`,
      hosts: hosts.filter(({ zone }) => zone === index).length,
    })),
    hosts,
    lines,
    done: ends(1, now),
    planned: ends(0.78, Number.POSITIVE_INFINITY),
  };
}
