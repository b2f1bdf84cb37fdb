// The shape of a saved plan, and of its parts in a journal.
import { failureKinds } from '../run/failure.ts';
import { risks } from '../run/risk.ts';
import {
  anything,
  flag,
  listOf,
  number,
  object,
  oneOf,
  record,
  type Shape,
  text,
} from './shape.ts';

export const failure: Shape = object(
  { kind: oneOf(...failureKinds), message: text },
  { hint: text, detail: text, transport: flag, resumable: flag, ongoing: flag },
);

export const risk: Shape = oneOf(...risks);
export const texts: Shape = listOf(text);
export const mapping: Shape = record(anything);
export const verdict: Shape = oneOf('off', 'on', 'leaking', 'at_risk', 'not_applicable', 'unknown');
export const remedy: Shape = oneOf(
  'none',
  'reboot',
  'default_kernel',
  'kernel_arg',
  'kernel_and_arg',
  'runtime',
  'unsupported',
  'unknown',
);
export const taskStatus: Shape = oneOf('same', 'change', 'skip', 'later', 'unmet');
export const change: Shape = object(
  { sign: oneOf('+', '~', '-', '!'), what: text, risk },
  { before: text, after: text, diff: text },
);
export const accepted: Shape = listOf(object({ key: text, name: text }));
export const proof: Shape = object({ verdict, by: text, evidence: text }, { accepted });

const task = object(
  { id: text, name: text, module: text, status: taskStatus, changes: listOf(change), risk },
  { why: text, warnings: texts, alternatives: texts, once: oneOf('before', 'after') },
);

const refused = object({ task: text, why: text }, { hint: text });

export const hostPlan: Shape = object(
  {
    host: text,
    tasks: listOf(task),
    risk,
    verdict,
    remedy,
    remedyWhy: text,
    reads: mapping,
    estimate: number,
    warnings: texts,
  },
  {
    tries: text,
    accepts: accepted,
    zone: text,
    node: text,
    transport: text,
    cordoned: flag,
    refused,
    once: object({ seconds: number, reads: mapping, learns: texts }, { refused }),
    heldBy: text,
    earlier: number,
    drain: number,
    expected: object({ seconds: number, by: oneOf('host', 'forecast', 'median', 'default') }),
  },
);

/** A count of hosts, or a share. */
const amount: Shape = (data, place) =>
  object({ count: number })(data, place) === undefined
    ? undefined
    : object({ percent: number })(data, place);

const seconds = { host: number, wave: number };

export const rollout: Shape = object(
  {
    waves: listOf(amount),
    maxUnavailable: amount,
    order: text,
    soak: object(seconds),
    brake: object(
      { failures: amount, unreachable: text },
      { perWave: amount, perZone: amount, rescued: text },
    ),
    onBrake: text,
    windows: listOf(object({ days: listOf(number), from: number, to: number, tz: text })),
    freeze: listOf(object({ from: text, to: text, tz: text, why: text })),
    onWindowEnd: text,
    gates: listOf(
      object({
        name: text,
        kind: oneOf('prometheus', 'http', 'command', 'kubernetes'),
        args: mapping,
        for: number,
      }),
    ),
    deadline: object({}, { host: number, run: number, cluster: number }),
    retries: object({ transport: number }),
    approve: text,
    unplannable: text,
  },
  {
    canary: object({ hosts: mapping, soak: number, promote: text }),
    zone: text,
    maxZones: number,
    maxPerZone: amount,
    rollback: text,
    adopt: text,
    events: flag,
    preferNoSchedule: flag,
    waveOverlap: amount,
    cordoned: text,
  },
);

export const leftOut: Shape = listOf(object({ host: text, failure }));

const play = object(
  { play: text, rollout, pool: number, hosts: listOf(hostPlan), leftOut },
  { notes: texts, canaryHosts: texts },
);

export const plan: Shape = object(
  {
    id: text,
    tool: text,
    createdAt: number,
    playbook: text,
    inventories: texts,
    inputs: record(text),
    salt: text,
    plays: listOf(play),
  },
  { limit: text, tags: texts, skipTags: texts, startAtTask: text, rollbackOf: text },
);
