// Which runs may be removed: those that are old enough and over, and that no later command needs.
import type { Event } from '../../model/run/event.ts';
import { interruptedExit } from '../rollout/exit.ts';
import { fold } from '../run-state/fold.ts';
import {
  type HostChanges,
  type Remediated,
  readChanges,
  remember,
} from '../run-state/host-history.ts';
import { emptyState, type HostState, hostStates, type RunState } from '../run-state/state.ts';

/** What is kept: so many of the newest runs, or those of so many milliseconds. */
export type Keep =
  | { readonly kind: 'newest'; readonly runs: number }
  | { readonly kind: 'since'; readonly milliseconds: number };

const day = 86_400_000;

/** `90d` or `500`. */
export function keepOf(text: string): Keep | undefined {
  const [, digits, unit] = /^([1-9]\d{0,5})(d?)$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  return unit === 'd'
    ? { kind: 'since', milliseconds: Number(digits) * day }
    : { kind: 'newest', runs: Number(digits) };
}

/**
 * The runs that age or number does not keep. `runs` come oldest first. The newest always stays,
 * because the next run names it.
 */
export function beyond<T extends { readonly startedAt: number }>(
  runs: readonly T[],
  keep: Keep,
  now: number,
): readonly T[] {
  if (keep.kind === 'newest') return runs.slice(0, Math.max(0, runs.length - keep.runs));
  return runs.slice(0, -1).filter(({ startedAt }) => startedAt < now - keep.milliseconds);
}

/**
 * Why an old run stays: it can be resumed, `drift` compares hosts with it, or the rollback of an
 * older run needs it.
 */
export type Needed = 'not_over' | 'drift' | 'rollback';

/** Takes the events of all runs, oldest run first, and keeps none of them. */
export interface RetentionReader {
  readonly see: (run: string, event: Event) => void;
  /** Instead of its events: what a run that is kept has changed. */
  readonly changed: (run: string, changes: readonly HostChanges[]) => void;
  /** Those of `old` that are needed. */
  readonly needed: (old: readonly string[]) => ReadonlyMap<string, Needed>;
}

interface Seen {
  readonly run: string;
  readonly isOver: boolean;
  readonly changed: readonly string[];
}

export function readRetention(): RetentionReader {
  const seen: Seen[] = [];
  const memory = createMemory();
  let current:
    | {
        readonly run: string;
        readonly hostChanges: ReturnType<typeof readChanges>;
        state: RunState;
      }
    | undefined;
  const add = (run: string, done: ReadonlyMap<string, HostChanges>, over: boolean): void => {
    memory.add(run, done);
    const changed = [...done.values()].filter(({ changes }) => changes.length > 0);
    seen.push({ run, isOver: over, changed: changed.map(({ host }) => host) });
  };
  const end = (): void => {
    if (current === undefined) return;
    add(current.run, current.hostChanges.hostChanges(), isOver(current.state));
    current = undefined;
  };
  return {
    see: (run, event) => {
      if (current?.run !== run) {
        end();
        current = { run, hostChanges: readChanges(), state: emptyState };
      }
      current.hostChanges.see(event);
      current.state = fold(current.state, event);
    },
    changed: (run, changes) => {
      end();
      add(run, new Map(changes.map((one) => [one.host, one])), true);
    },
    needed: (old) => {
      end();
      return neededOf(seen, new Set(old), memory.runs());
    },
  };
}

function neededOf(
  seen: readonly Seen[],
  old: ReadonlySet<string>,
  compared: ReadonlySet<string>,
): ReadonlyMap<string, Needed> {
  const needed = new Map<string, Needed>();
  /** Hosts that a kept run has changed: its rollback reads what later runs did on them. */
  const changed = new Set<string>();
  for (const one of seen) {
    const why = !one.isOver
      ? 'not_over'
      : compared.has(one.run)
        ? 'drift'
        : one.changed.some((host) => changed.has(host))
          ? 'rollback'
          : undefined;
    if (why !== undefined && old.has(one.run)) needed.set(one.run, why);
    if (why !== undefined || !old.has(one.run)) for (const host of one.changed) changed.add(host);
  }
  return needed;
}

interface Memory {
  readonly add: (run: string, hostChanges: ReadonlyMap<string, HostChanges>) => void;
  /** Runs that contributed to what is remembered of a host. */
  readonly runs: () => ReadonlySet<string>;
}

function createMemory(): Memory {
  let memory: ReadonlyMap<string, Remediated> = new Map();
  const from = new Map<string, readonly string[]>();
  return {
    add: (run, hostChanges) => {
      memory = remember(memory, run, hostChanges);
      for (const host of hostChanges.keys()) {
        const now = memory.get(host);
        if (now === undefined) from.delete(host);
        else if (now.run === run) from.set(host, [...(from.get(host) ?? []), run]);
      }
    },
    runs: () => new Set([...from.values()].flat()),
  };
}

/**
 * Neither a resume nor an operator has anything left to do: no host is under way or waits for
 * acknowledgement.
 */
function isOver(state: RunState): boolean {
  const { finished, aborted } = state;
  if (finished === undefined) return false;
  // The machine went down: the job of this run resumes it.
  if (finished.exit === interruptedExit && aborted !== undefined && /^SIG/.test(aborted.why))
    return false;
  return ![...hostStates(state)].some(isOpen);
}

const isOpen = ({ status, keepsSlot, failure, resolved }: HostState): boolean => {
  if (status !== 'failed') return status === 'running' || status === 'soaking';
  const isLeft = resolved !== undefined && resolved.as !== 'retry';
  return !isLeft && (keepsSlot || failure?.resumable === true);
};
