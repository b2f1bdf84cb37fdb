// The shape of journal entries. kmend wrote no entry without it; the check matters most for the
// last one, which no later hash confirms.
import type { EventType } from '../run/event.ts';
import { isMapping } from '../value.ts';
import {
  accepted,
  change,
  failure,
  hostPlan,
  leftOut,
  mapping,
  remedy,
  risk,
  rollout,
  taskStatus,
  texts,
  verdict,
} from './plan-shape.ts';
import { flag, listOf, number, object, oneOf, record, type Shape, text, time } from './shape.ts';

const result = object(
  { ok: flag },
  {
    code: number,
    stdout: text,
    stderr: text,
    output: object(
      { bytes: number },
      { file: text, why: text, piece: object({ at: number, size: number, sha256: text }) },
    ),
    data: mapping,
  },
);
const effect = { host: text, task: text, effect: text };
const kind = oneOf(
  'run',
  'local',
  'write',
  'copy',
  'reboot',
  'wait',
  'cordon',
  'drain',
  'uncordon',
);

const shapes: Readonly<Record<EventType, Shape>> = {
  'run.started': object(
    {
      tool: text,
      playbook: text,
      play: text,
      rollout,
      pool: number,
      hosts: listOf(object({ host: text, plan: hostPlan, down: flag })),
      leftOut,
      who: text,
      attended: flag,
      planId: text,
    },
    { files: record(text), previous: object({ run: text, head: text }), takeover: text },
  ),
  'run.resumed': object({ who: text, tool: text }, { takeover: text }),
  'run.paused': object({ who: text, why: text }, { hosts: texts }),
  'run.continued': object({ who: text }, { why: text }),
  'run.aborted': object({ who: text, why: text }),
  'run.finished': object({ exit: number, why: text }),
  'run.closed': object({}),
  approved: object({ risk, who: text, how: text }, { about: text, why: text }),
  'wave.started': object({ wave: number, hosts: texts, canary: flag }),
  'wave.done': object({ wave: number }),
  'canary.promoted': object({ by: text, why: text }),
  'brake.tripped': object({ why: text, host: text }),
  'brake.released': object({ by: text, hosts: texts, why: text }),
  'gate.read': object({ gate: text, open: flag, read: text }),
  'capacity.read': object(
    { unavailable: texts },
    { lockOuts: listOf(object({ host: text, by: oneOf('hold', 'cordon'), why: text })) },
  ),
  'slots.read': object({
    others: listOf(object({ host: text, run: text }, { zone: text, failed: flag })),
  }),
  'nodes.tainted': object({ nodes: texts }),
  'nodes.untainted': object({ nodes: texts }),
  'cluster.away': object({ since: time, why: text }),
  'cluster.back': object({ seconds: number }),
  'database.back': object({ since: time, seconds: number }),
  waiting: object({ why: text }, { until: time, needs: oneOf('answer', 'promotion') }),
  'notice.sent': object(
    { notice: number, target: oneOf('webhook', 'command', 'mail') },
    { refused: text },
  ),
  'host.started': object({ host: text, why: text }),
  'facts.read': object({ host: text, verdict, evidence: text }, { bootId: text }),
  'remedy.chosen': object({ host: text, remedy, why: text }),
  'kernel.seen': object({ host: text, release: text, obeys: oneOf('yes', 'no') }),
  'prelude.done': object({ host: text }),
  'drift.noted': object({ host: text, what: texts }),
  'block.failed': object(
    { host: text, task: text, part: text, failed: text, failure, result: mapping },
    { unproven: flag },
  ),
  'block.rescued': object({ host: text, task: text, counts: flag }, { failed: text, failure }),
  'block.entered': object({ host: text, task: text, entered: flag }, { why: text }),
  'task.planned': object(
    {
      host: text,
      task: text,
      name: text,
      module: text,
      status: taskStatus,
      changes: listOf(change),
    },
    { why: text, bootId: text },
  ),
  'effect.started': object(
    { ...effect, kind, what: text, timeout: number, detached: flag },
    { bootId: text, stableFor: number, spool: text, harmless: flag },
  ),
  'effect.progress': object({ ...effect, text }),
  'effect.done': object({ ...effect, result }),
  'effect.failed': object({ ...effect, failure }, { result }),
  'task.done': object(
    { host: text, task: text, name: text, status: oneOf('ok', 'changed', 'skipped', 'ignored') },
    { registered: mapping, sets: mapping, note: text, unproven: flag },
  ),
  proof: object({ host: text, verdict, by: text, evidence: text }, { accepted }),
  'host.done': object({
    host: text,
    changed: flag,
    proven: oneOf('yes', 'partial', 'provisional', 'not_asked'),
  }),
  'host.soaked': object({ host: text, evidence: text }),
  'host.failed': object({ host: text, failure, touched: flag, state: text }, { task: text }),
  'host.resolved': object(
    { host: text, who: text, note: text },
    { as: oneOf('done', 'skip', 'retry') },
  ),
  warning: object({ text }, { host: text }),
};

const isType = (type: unknown): type is EventType =>
  typeof type === 'string' && Object.hasOwn(shapes, type);

const head = object({ seq: number, at: time, run: text, prev: text }, { command: text });

const origin = object({}, { via: oneOf('page', 'terminal') });

/** What is wrong with the body of an event. */
export function wrongBody(data: unknown): string | undefined {
  const type = isMapping(data) ? data.type : undefined;
  return isType(type)
    ? (shapes[type](data, '') ?? origin(data, ''))
    : `this version of kmend knows no entry of type ${JSON.stringify(type)?.slice(0, 40)}`;
}

/** What is wrong with a journal entry. */
export const wrongEvent = (data: unknown): string | undefined => head(data, '') ?? wrongBody(data);
