// The `rollout` of a play: its schema, its defaults, and the Ansible keywords that it replaces.
import { isTimeZone } from '../../../core/rollout/local-time.ts';
import type { Amount, Freeze, GateSpec, Rollout, Window } from '../../../model/playbook.ts';
import { present } from '../../../model/present.ts';
import {
  amount,
  asArgs,
  duration,
  either,
  filled,
  flag,
  type Infer,
  list,
  listOf,
  number,
  object,
  oneOf,
  shorthand,
  text,
  timeOfDay,
  whole,
  word,
} from '../../../model/shape/schema.ts';
import type { Value } from '../../../model/value.ts';
import { put } from '../../text/tree.ts';

const someHosts = amount.refine(
  (value) => !('count' in value) || value.count > 0,
  'should be 1 host or more: with 0 no host ever starts',
);

const timeZone = filled.refine(isTimeZone, 'should be a time zone such as Europe/Berlin or UTC');
const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

const days = either([word, list(word)], 'should be days such as mon, mon-fri or [sat, sun]')
  .refine(
    (value) => daysOf(value) !== undefined,
    'should be days such as mon, mon-fri, daily or [sat, sun]',
  )
  .transform((value) => daysOf(value) ?? []);

const localTime = text
  .regex(
    /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2})?$/,
    'should be a local time such as 2026-12-20T00:00',
  )
  .refine((value) => isDate(value), 'is not a date of the calendar')
  .transform((value) => (value.length === 10 ? `${value}T00:00` : value.replace(' ', 'T')));

const address = filled.refine(isAddress, 'should be an address such as http://prometheus:9090');
const comparison = text.regex(
  /^\s*(?:[<>]=?|[=!]=)\s*-?\d+(?:\.\d+)?\s*$/,
  'should be a comparison with a number such as ">= 0.99"',
);

const gateKinds = {
  prometheus: object({ url: address, query: filled, is: comparison.optional() }),
  http: object({ url: address, status: whole(100, 599).default(200), contains: text.optional() }),
  command: shorthand((short) => ({ command: short }), object({ command: filled })),
  kubernetes: object({
    not_ready: whole(0).default(0),
    min_ready: whole(1).optional(),
    pending_pods: whole(0).optional(),
    deployments: either(
      [oneOf('all'), list(text.regex(/^[^\s/]+\/[^\s/]+$/, 'should be namespace/name'))],
      'should be `all` or a list of namespace/name',
    ).optional(),
  }),
};

const gate = object({
  name: filled.optional(),
  for: duration.default(0),
  prometheus: gateKinds.prometheus.optional(),
  http: gateKinds.http.optional(),
  command: gateKinds.command.optional(),
  kubernetes: gateKinds.kubernetes.optional(),
}).refine(
  (value) =>
    [value.prometheus, value.http, value.command, value.kubernetes].filter(
      (kind) => kind !== undefined,
    ).length === 1,
  'should have exactly one of prometheus, http, command, kubernetes',
);

/** The value of `rollout`. */
export const rolloutSchema = object({
  canary: shorthand(
    (hosts) => ({ hosts }),
    object({
      hosts: either(
        [someHosts, word.transform((pattern) => ({ pattern }))],
        'should be a number of hosts, a percentage or a pattern',
      ).default({ count: 1 }),
      soak: duration.default(0),
      promote: oneOf('auto', 'manual').default('auto'),
    }),
  ).optional(),
  waves: listOf(someHosts).optional(),
  wave_overlap: someHosts.optional(),
  max_unavailable: someHosts.optional(),
  zone: filled.optional(),
  max_zones: whole(1).optional(),
  max_per_zone: someHosts.optional(),
  order: oneOf(
    'inventory',
    'sorted',
    'reverse_inventory',
    'reverse_sorted',
    'shuffle',
    'worst_first',
    'longest_first',
  ).optional(),
  soak: shorthand(
    (host) => ({ host }),
    object({ host: duration.default(0), wave: duration.default(0) }),
  ).optional(),
  brake: shorthand(
    (failures) => ({ failures }),
    object({
      failures: amount.optional(),
      per_wave: amount.optional(),
      per_zone: amount.optional(),
      unreachable: oneOf('count', 'ignore').optional(),
      rescued: oneOf('count', 'ignore').optional(),
    }),
  ).optional(),
  on_brake: oneOf('finish', 'hold').optional(),
  windows: listOf(
    object({
      days: days.default([0, 1, 2, 3, 4, 5, 6]),
      from: timeOfDay,
      to: timeOfDay,
      tz: timeZone,
    }),
  ).optional(),
  freeze: listOf(
    object({ from: localTime, to: localTime, tz: timeZone, why: text.default('') }).refine(
      (value) => value.from < value.to,
      'ends before it begins',
    ),
  ).optional(),
  on_window_end: oneOf('finish', 'hold').optional(),
  gates: listOf(gate).optional(),
  deadline: object({
    host: duration.optional(),
    run: duration.optional(),
    cluster: duration.optional(),
  }).optional(),
  retries: object({ transport: whole(0, 100).optional() }).optional(),
  approve: oneOf('evict', 'reboot', 'never').optional(),
  unplannable: oneOf('leave_out', 'stop', 'ask').optional(),
  rollback: oneOf('none', 'by_command', 'failed_host').optional(),
  adopt: oneOf('none', 'return_proven').optional(),
  events: flag.optional(),
  prefer_no_schedule: flag.optional(),
  cordoned: oneOf('last', 'first', 'skip').optional(),
});

export type RolloutKeys = Infer<typeof rolloutSchema>;
export const rolloutArgs = asArgs(rolloutSchema);

// ---- Ansible's keywords ----

/**
 * Ansible reads a batch of 0 or less as all hosts, or as one host. The play says neither, so kmend
 * refuses it.
 */
const batchError =
  'should be 1 host or more, or a whole percentage such as 20% (100% is all at once)';
const batch = either(
  [number.int(batchError).min(1, batchError), text.regex(/^0*[1-9]\d*%?$/, batchError)],
  batchError,
).transform((value): Amount => {
  const source = String(value);
  const size = Number.parseInt(source, 10);
  return source.endsWith('%') ? { percent: Math.min(size, 100) } : { count: size };
});

export const batchesSchema = listOf(batch).refine(
  (batches) => batches.length > 0,
  'should name at least one batch',
);
export const percentageSchema = number.min(0).max(100);
export const throttleSchema = whole(0);
export const orderSchema = oneOf(
  'inventory',
  'sorted',
  'reverse_inventory',
  'reverse_sorted',
  'shuffle',
);
export const fatalSchema = flag;

export interface AnsibleKeys {
  readonly serial?: readonly Amount[];
  readonly maxFailPercentage?: number;
  readonly anyErrorsFatal?: boolean;
  readonly throttle?: number;
  readonly order?: Rollout['order'];
}

/**
 * The policy of a play, with its defaults. Ansible's batches become waves whose hosts all run at
 * once. Ansible's failure keywords become the brake, which counts unreachable hosts.
 */
export function rolloutOf(keys: RolloutKeys, ansible: AnsibleKeys = {}): Rollout {
  const waves = keys.waves ?? ansible.serial ?? [];
  const throttled =
    ansible.throttle === undefined || ansible.throttle === 0
      ? undefined
      : { count: ansible.throttle };
  const batches = ansible.serial === undefined ? undefined : { percent: 100 };
  return present({
    canary: keys.canary,
    waves,
    waveOverlap: keys.wave_overlap,
    maxUnavailable: keys.max_unavailable ?? throttled ?? batches ?? { count: 1 },
    zone: keys.zone,
    maxZones: keys.max_zones,
    maxPerZone: keys.max_per_zone,
    order: keys.order ?? ansible.order ?? 'inventory',
    soak: keys.soak ?? { host: 0, wave: 0 },
    brake: brakeOf(keys.brake, ansible),
    onBrake: keys.on_brake ?? (ansible.anyErrorsFatal === true ? 'hold' : 'finish'),
    windows: (keys.windows ?? []) satisfies readonly Window[],
    freeze: (keys.freeze ?? []) satisfies readonly Freeze[],
    onWindowEnd: keys.on_window_end ?? 'finish',
    gates: (keys.gates ?? []).map(gateOf),
    deadline: present({
      host: keys.deadline?.host,
      run: keys.deadline?.run,
      cluster: keys.deadline?.cluster,
    }),
    retries: { transport: keys.retries?.transport ?? 3 },
    approve: keys.approve ?? 'evict',
    unplannable: keys.unplannable ?? 'ask',
    rollback: keys.rollback ?? 'by_command',
    adopt: keys.adopt ?? 'return_proven',
    events: keys.events,
    preferNoSchedule: keys.prefer_no_schedule,
    cordoned: keys.cordoned ?? 'last',
  });
}

function brakeOf(keys: RolloutKeys['brake'], ansible: AnsibleKeys): Rollout['brake'] {
  const fatal = ansible.anyErrorsFatal === true;
  // Ansible counts the failures of each batch anew: the percentage limits a wave, not the run.
  const percentage =
    !fatal && ansible.maxFailPercentage !== undefined
      ? { percent: ansible.maxFailPercentage }
      : undefined;
  const failures =
    keys?.failures ??
    (percentage === undefined || keys?.per_wave !== undefined ? { count: 0 } : { percent: 100 });
  return present({
    failures,
    perWave: keys?.per_wave ?? percentage,
    perZone: keys?.per_zone,
    unreachable: keys?.unreachable ?? 'count',
    ...present({ rescued: keys?.rescued }),
  });
}

function gateOf(keys: Infer<typeof gate>, index: number): GateSpec {
  const kind =
    (['prometheus', 'http', 'command', 'kubernetes'] as const).find(
      (name) => keys[name] !== undefined,
    ) ?? 'command';
  const args: Record<string, Value> = {};
  for (const [key, value] of Object.entries(keys[kind] ?? {}))
    if (value !== undefined) put(args, key, value);
  return { name: keys.name ?? `${kind} ${index + 1}`, kind, args, for: keys.for };
}

function daysOf(value: string | readonly string[]): number[] | undefined {
  const parts = typeof value === 'string' ? value.split(',') : value;
  const found = new Set<number>();
  for (const part of parts) {
    const written = part.trim().toLowerCase();
    if (written === 'daily') for (let day = 0; day < 7; day++) found.add(day);
    else {
      const [from, to] = written
        .split('-')
        .map((name) =>
          name.length >= 3 ? dayNames.findIndex((day) => fullDays[day].startsWith(name)) : -1,
        );
      if (from === undefined || from === -1 || to === -1) return undefined;
      for (let day = from; ; day = (day + 1) % 7) {
        found.add(day);
        if (day === (to ?? from)) break;
      }
    }
  }
  return found.size === 0 ? undefined : [...found].sort((a, b) => a - b);
}

const fullDays: Readonly<Record<(typeof dayNames)[number], string>> = {
  sun: 'sunday',
  mon: 'monday',
  tue: 'tuesday',
  wed: 'wednesday',
  thu: 'thursday',
  fri: 'friday',
  sat: 'saturday',
};

function isAddress(url: string): boolean {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}

function isDate(value: string): boolean {
  const [year = 0, month = 0, day = 0] = value.slice(0, 10).split('-').map(Number);
  const [hours = 0, minutes = 0] =
    value.length === 10 ? [] : value.slice(11).split(':').map(Number);
  const made = new Date(Date.UTC(year, month - 1, day));
  return (
    made.getUTCMonth() === month - 1 && made.getUTCDate() === day && hours < 24 && minutes < 60
  );
}
