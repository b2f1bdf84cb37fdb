// What a host does with its time, from the events of its walk.
import type { EffectKind } from '../../model/run/effect.ts';
import type { Event } from '../../model/run/event.ts';
import { defaultSeconds } from '../plan/estimate.ts';
import type { Step, StepKind } from './model.ts';

/** The walk of a host as it is read: its steps, and what it does now. */
export interface Track {
  readonly steps: Step[];
  text: string;
  /** Seconds that the step usually takes. */
  usual: number | undefined;
}

/** How long the steps of each kind took in this run: the newest only. */
export type Durations = Map<StepKind, number[]>;

const kept = 51;
/** From so many steps of this run on, their median is what is usual. */
const enough = 3;
/** Milliseconds: a shorter step is not worth showing, and the next one takes its time. */
const shortest = 100;

const byModule: Readonly<Record<string, StepKind>> = {
  drain: 'drain',
  package: 'package',
  kernel: 'package',
  container_runtime: 'package',
  yum_repository: 'package',
  kernel_arg: 'boot_argument',
  reboot: 'reboot',
  verify_kmem: 'proof',
};

const byEffect: Readonly<Partial<Record<EffectKind, StepKind>>> = {
  cordon: 'drain',
  drain: 'drain',
  reboot: 'reboot',
};

/** Follows one event of a host that is under way. */
export function follow(track: Track, event: Event, durations: Durations): void {
  switch (event.type) {
    case 'host.started':
      return begin(track, 'facts', event.at, 'reading facts', durations);
    case 'task.planned':
      if (event.status === 'skip' || (event.status === 'same' && event.module !== 'verify_kmem'))
        return;
      return begin(track, byModule[event.module] ?? 'other', event.at, event.name, durations);
    case 'effect.started': {
      const now = track.steps.at(-1)?.kind ?? 'other';
      const fits = now === 'other' || now === 'facts';
      const kind = event.kind === 'wait' && fits ? 'wait' : fits ? byEffect[event.kind] : now;
      begin(track, kind ?? now, event.at, event.what, durations);
      track.usual ??= Math.min(defaultSeconds[event.kind], event.timeout);
      return;
    }
    case 'effect.progress':
      track.text = event.text;
      return;
    // What is read until the next task shows that this one has nothing left to do: it is its time.
    case 'task.done':
      track.text = 'reading facts';
      return;
    default:
      return;
  }
}

/** Begins a step, or goes on with one of this kind. */
export function begin(
  track: Track,
  kind: StepKind,
  at: number,
  text: string,
  durations: Durations,
): void {
  track.text = text;
  const last = track.steps.at(-1);
  if (last?.kind === kind && last.to === undefined) return;
  const from = end(track, at, durations);
  track.steps.push({ kind, from });
  const earlier = durations.get(kind) ?? [];
  track.usual = earlier.length < enough ? undefined : median(earlier);
}

/**
 * Ends the open step; returns the time from which the next one counts. A step that was too short
 * is left out.
 */
export function end(track: Track, at: number, durations: Durations): number {
  const last = track.steps.at(-1);
  if (last === undefined || last.to !== undefined) return at;
  if (at - last.from < shortest) {
    track.steps.pop();
    return last.from;
  }
  track.steps[track.steps.length - 1] = { ...last, to: at };
  const earlier = durations.get(last.kind) ?? [];
  earlier.push((at - last.from) / 1000);
  if (earlier.length > kept) earlier.shift();
  durations.set(last.kind, earlier);
  return at;
}

const median = (values: readonly number[]): number | undefined =>
  Float64Array.from(values).sort()[Math.floor(values.length / 2)];
