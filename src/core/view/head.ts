// The head of the view: where the run stands, by its state and the reasons of `decide`.
import { present } from '../../model/present.ts';
import type { EventOf } from '../../model/run/event.ts';
import { decide } from '../decide/decide.ts';
import { shareOf, waveSize } from '../rollout/amount.ts';
import { counted } from '../rollout/brake.ts';
import { slotsOf } from '../rollout/budget.ts';
import type { Decision, View } from '../rollout/decision.ts';
import { sizeOf } from '../run-state/ranked.ts';
import type { RunState } from '../run-state/state.ts';
import type { Forecast, RowStatus, RunHead, RunPhase } from './model.ts';
import { needsOf } from './needs.ts';

/** What the journal does not say. */
export interface ViewContext {
  /** Who works on the run; absent = nobody. */
  readonly holder?: string;
  readonly forecast?: Forecast;
  /** The database that has the journal has not answered since then. */
  readonly databaseAway?: number;
}

/** What the head takes from the fold. */
export interface HeadInput {
  readonly state: RunState;
  readonly started: Pick<EventOf<'run.started'>, 'who' | 'tool'>;
  readonly counts: Readonly<Record<RowStatus, number>>;
  /** Indexes of hosts that failed and that no operator has acknowledged. */
  readonly unresolved: Iterable<number>;
}

export function headOf(input: HeadInput, context: ViewContext): RunHead {
  const { state, started, counts } = input;
  const { forecast, holder, databaseAway } = context;
  const decision = decisionOf(state);
  return {
    run: state.run,
    play: state.play,
    playbook: state.playbook.split(/[/\\]/).at(-1) ?? '',
    planId: state.planId,
    by: started.who,
    tool: started.tool,
    attended: state.attended,
    startedAt: state.startedAt,
    lastAt: state.lastAt,
    lastSeq: state.lastSeq,
    phase: phaseOf(state, decision, holder),
    counts: { ...counts },
    brake: brakeOf(state),
    slots: slots(state),
    waits: waitsOf(decision),
    gates: Object.entries(state.gates).map(([name, { open, read, since }]) => ({
      name,
      open,
      read,
      ...present({ since }),
    })),
    needs: needsOf(state, decision, input.unresolved, holder),
    ...present({
      exit: state.finished?.exit,
      why: whyOf(state),
      wave: waveOf(state),
      away: state.away,
      databaseAway,
      forecast,
      holder,
    }),
  };
}

/**
 * What the run loop decided after the last entry. With `wait`: a run that does not wait would have
 * ended already.
 */
export function decisionOf(state: RunState): Decision | undefined {
  const { rollout, finished, lastAt, capacityRead } = state;
  if (rollout === undefined || finished !== undefined) return undefined;
  return decide(state, rollout, lastAt, {
    wait: true,
    capacitySource: capacityRead !== undefined,
  });
}

/** Why no further host is started: nothing while hosts are started, or all of them are. */
const waitsOf = (decision: Decision | undefined): RunHead['waits'] =>
  decision?.kind === 'wait' ? decision.why.filter(({ rule }) => rule !== 'running') : [];

function phaseOf(
  state: RunState,
  decision: Decision | undefined,
  holder: string | undefined,
): RunPhase {
  if (!state.begun) return 'starting';
  if (state.finished !== undefined) return endOf(state, state.finished.exit);
  if (holder === undefined) return 'interrupted';
  if (state.aborted !== undefined) return 'stopping';
  if (state.brake !== undefined) return 'brake';
  if (state.paused !== undefined) return 'paused';
  if (decision?.kind === 'ask') return 'asking';
  return decision?.kind === 'wait' && state.running === undefined ? 'waiting' : 'running';
}

/** `stopped`: it ended before all hosts were started, and not because of a failure. */
function endOf(state: RunState, exit: number): RunPhase {
  if (exit === 0) return 'done';
  const left = sizeOf(state.planned) + sizeOf(state.waiting);
  return state.aborted !== undefined || (left > 0 && state.failures === 0) ? 'stopped' : 'failed';
}

const whyOf = (state: RunState): string | undefined =>
  (state.finished ?? state.aborted ?? state.brake ?? state.paused)?.why;

function brakeOf(state: RunState): RunHead['brake'] {
  const { brake, rollout } = state;
  if (rollout === undefined) return { failures: 0, allowed: 0 };
  const allowed = rollout.brake.failures;
  return {
    failures: counted(viewOn(state, rollout), state),
    allowed: 'count' in allowed ? allowed.count : shareOf(allowed.percent, state.started),
    ...present({
      tripped: brake === undefined ? undefined : { why: brake.why, host: brake.host },
    }),
  };
}

const viewOn = (state: RunState, policy: NonNullable<RunState['rollout']>): View => ({
  state,
  policy,
  now: state.lastAt,
  context: {},
});

function slots(state: RunState): RunHead['slots'] {
  const { held, kept, rollout } = state;
  const of = rollout === undefined ? 0 : slotsOf(viewOn(state, rollout));
  return { held, of, kept: sizeOf(kept) };
}

/** `of`: this wave and those that the hosts still fill, by the sizes of the policy. */
function waveOf(state: RunState): RunHead['wave'] {
  const { wave, rollout } = state;
  if (wave === undefined || rollout === undefined) return undefined;
  const base = state.hosts.length + state.leftOut.length;
  let left = sizeOf(state.planned);
  let number = wave.number;
  while (left > 0) {
    number += 1;
    const size = rollout.waves[Math.min(number, rollout.waves.length) - 1] ?? { percent: 100 };
    left -= waveSize(size, base, left);
  }
  return { number: wave.number, of: number, canary: wave.canary };
}
