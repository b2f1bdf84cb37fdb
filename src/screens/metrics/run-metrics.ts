// Metrics of runs and jobs. Hosts are counted, not named: a run of thousands stays a few series.
import type { RunHead, RunPhase } from '../../core/view/model.ts';
import type { RunInfo } from '../../engine/ports/store.ts';
import type { Family, Sample } from './exposition.ts';

const phases: readonly RunPhase[] = [
  ...(['starting', 'running', 'waiting', 'asking', 'paused', 'brake', 'stopping'] as const),
  ...(['interrupted', 'stopped', 'failed', 'done'] as const),
];

const seconds = (milliseconds: number): number => Math.round(milliseconds / 1000);

/** What a run gives for one metric; none where it has nothing to say. */
type Gives = (head: RunHead) => readonly (Sample | undefined)[];

const one = (value: number | undefined, labels: Sample['labels'] = {}): Sample | undefined =>
  value === undefined ? undefined : { labels, value };

const table: readonly (readonly [name: string, help: string, gives: Gives])[] = [
  [
    'kmend_run_info',
    'The run, its play, and who started it.',
    ({ play, by, tool }) => [one(1, { play, by, tool })],
  ],
  [
    'kmend_run_start_time_seconds',
    'When the run began, in Unix time.',
    ({ startedAt }) => [one(seconds(startedAt))],
  ],
  [
    'kmend_run_end_time_seconds',
    'When the run ended, in Unix time.',
    ({ exit, lastAt }) => [one(exit === undefined ? undefined : seconds(lastAt))],
  ],
  ['kmend_run_exit_code', 'Exit code of a run that ended.', ({ exit }) => [one(exit)]],
  [
    'kmend_run_phase',
    'What the run does: 1 for its phase, 0 for all others.',
    ({ phase }) => phases.map((name) => one(name === phase ? 1 : 0, { phase: name })),
  ],
  [
    'kmend_run_hosts',
    'Hosts of the run by their state.',
    ({ counts }) => Object.entries(counts).map(([state, count]) => one(count, { state })),
  ],
  [
    'kmend_run_failures',
    'Failures that count for the brake.',
    ({ brake }) => [one(brake.failures)],
  ],
  [
    'kmend_run_failures_allowed',
    'Failures that the brake allows: more of them trip it.',
    ({ brake }) => [one(brake.allowed)],
  ],
  [
    'kmend_run_brake_tripped',
    'Whether the brake holds the run back.',
    ({ brake }) => [one(brake.tripped === undefined ? 0 : 1)],
  ],
  [
    'kmend_run_slots',
    'Slots of the run: how many there are, are taken, and are kept by failed hosts.',
    ({ slots: { held, kept, of } }) => [
      one(of, { slots: 'all' }),
      one(held, { slots: 'held' }),
      one(kept, { slots: 'kept' }),
    ],
  ],
  [
    'kmend_run_gate_open',
    'Whether the gate was open when it was last read.',
    ({ gates }) => gates.map(({ name, open }) => one(open ? 1 : 0, { gate: name })),
  ],
  [
    'kmend_run_operator_needs',
    'Things of the run that only an operator can settle.',
    ({ needs }) => [one(needs.length)],
  ],
  [
    'kmend_run_end_estimate_seconds',
    'When the run is expected to end, in Unix time: earliest and latest.',
    ({ forecast }) =>
      forecast === undefined || forecast.blocked !== undefined
        ? []
        : [
            one(seconds(forecast.from), { bound: 'earliest' }),
            one(seconds(forecast.to), { bound: 'latest' }),
          ],
  ],
];

export const runFamilies = (heads: readonly RunHead[]): readonly Family[] =>
  table.map(([name, help, gives]) => ({
    name,
    help,
    samples: heads.flatMap((head) =>
      gives(head).flatMap((sample) =>
        sample === undefined
          ? []
          : [{ labels: { run: head.run, ...sample.labels }, value: sample.value }],
      ),
    ),
  }));

/** The last success of each play; `runs`: the oldest first. */
export function successFamilies(
  runs: readonly Pick<RunInfo, 'play' | 'startedAt' | 'finished'>[],
): readonly Family[] {
  const last = new Map(
    runs.flatMap(({ play, startedAt, finished }) =>
      finished?.exit === 0 ? [[play, startedAt] as const] : [],
    ),
  );
  return [
    {
      name: 'kmend_last_success_start_time_seconds',
      help: 'When the last run of the play that ended with 0 began, in Unix time.',
      samples: [...last].map(([play, at]) => ({ labels: { play }, value: seconds(at) })),
    },
  ];
}

/** A job, as far as metrics know it. */
export interface JobNumbers {
  readonly name: string;
  readonly last?: { readonly at: number; readonly exit: number };
  /** Milliseconds since 1970. */
  readonly succeeded?: number;
}

/** The label is `name`: Prometheus sets `job` itself, to the job of the scrape. */
export function jobFamilies(jobs: readonly JobNumbers[]): readonly Family[] {
  const of = (give: (job: JobNumbers) => number | undefined): readonly Sample[] =>
    jobs.flatMap((job) => one(give(job), { name: job.name }) ?? []);
  return [
    {
      name: 'kmend_job_last_end_time_seconds',
      help: 'When the last turn of the job ended, in Unix time.',
      samples: of(({ last }) => last && seconds(last.at)),
    },
    {
      name: 'kmend_job_last_exit_code',
      help: 'Exit code of the last turn of the job.',
      samples: of(({ last }) => last?.exit),
    },
    {
      name: 'kmend_job_last_success_time_seconds',
      help: 'When a turn of the job last ended with 0, in Unix time.',
      samples: of(({ succeeded }) => succeeded && seconds(succeeded)),
    },
  ];
}
