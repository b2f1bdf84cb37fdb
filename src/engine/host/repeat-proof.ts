// The end of a soak checks the host again: the same boot, accounting still off, its node still in
// service. Otherwise the host has failed.
import { hostState, hostStates } from '../../core/run-state/state.ts';
import { known } from '../../model/fact.ts';
import { type Failure, isAway, unhandled } from '../../model/run/failure.ts';
import { isMapping } from '../../model/value.ts';
import { crashingBefore, newCrashes } from '../node/ready.ts';
import { setupOf } from './fleet.ts';
import { HostWalk } from './host-walk.ts';
import type { RunContext } from './walk-context.ts';

export async function repeatProof(host: string, run: RunContext): Promise<void> {
  const state = hostState(run.state(), host);
  if (state === undefined) throw new Error(`${host} is not of this run`);
  const walk = new HostWalk(host, state.plan, setupOf(run.setup, host), run, run.signal);
  const failed = async (failure: Failure): Promise<void> => {
    await run.record(
      {
        type: 'host.failed',
        host,
        failure,
        touched: true,
        state: 'returned to service, and failed at the end of its soak',
      },
      true,
    );
  };
  try {
    const failure = (await walk.refresh()) ?? checkHost(walk) ?? (await checkNode(walk));
    // Stopped, or the cluster is away: the check is incomplete, and a resume repeats it.
    if (run.signal.aborted || isAway(failure)) return;
    if (failure !== undefined) return await failed(failure);
    await recordNewProof(walk);
    await run.record({ type: 'host.soaked', host, evidence: evidenceOf(walk) }, true);
  } catch (error) {
    if (run.isOver()) throw error;
    if (!run.signal.aborted) await failed(unhandled(`the answers of ${host}`, error));
  } finally {
    walk.session.close();
  }
}

/** Proven in part: judged without the accepted programs. A host that is off needs none of that. */
const isInPart = ({ state, facts }: HostWalk): boolean =>
  state.proof?.accepted !== undefined &&
  ['on', 'leaking', 'at_risk'].includes(known(facts, 'kmem.verdict', 'unknown'));

const evidenceOf = (walk: HostWalk): string =>
  known(walk.facts, isInPart(walk) ? 'kmem.partial_evidence' : 'kmem.evidence', '');

function checkHost(walk: HostWalk): Failure | undefined {
  const { bootId, results, proof } = walk.state;
  const expected = results.reboot?.data?.bootId ?? bootId;
  const now = walk.facts['boot.id'];
  if (expected !== undefined && now !== expected)
    return {
      kind: 'boot_loop',
      message: `booted again during its soak (boot id ${String(expected)}, now ${String(now)})`,
      hint: 'it may panic: check its console',
    };
  if (isInPart(walk))
    return walk.facts['kmem.partial'] === 'refuted'
      ? {
          kind: 'not_verified',
          message: `at the end of the soak accounting is on beyond what was accepted: ${evidenceOf(walk)}`,
        }
      : undefined;
  const verdict = walk.facts['kmem.verdict'];
  if (proof !== undefined && (verdict === 'on' || verdict === 'leaking'))
    return {
      kind: 'not_verified',
      message: `accounting is on again at the end of the soak: ${evidenceOf(walk)}`,
    };
  return undefined;
}

async function checkNode(walk: HostWalk): Promise<Failure | undefined> {
  const { cluster } = walk.run.ports;
  const { node } = walk.plan;
  if (cluster === undefined || node === undefined || !walk.state.marks.uncordoned) return undefined;
  const state = await cluster.node(node, walk.signal);
  if (!state.ok) return state.failure;
  if (!state.value.ready)
    return { kind: 'not_verified', message: `node ${node} is not Ready at the end of the soak` };
  if (state.value.bootId !== '' && state.value.bootId !== walk.facts['boot.id'])
    return {
      kind: 'not_verified',
      message: `node ${node} shows boot ${state.value.bootId} at the end of the soak, the host is in another`,
    };
  const pods = await cluster.pods(node, walk.signal);
  if (!pods.ok) return pods.failure;
  const before = walk.state.results.uncordon?.data?.restarts;
  const crashes = newCrashes(
    isMapping(before) ? before : {},
    pods.value,
    crashingBefore(hostStates(walk.run.state())),
  );
  if (crashes.length === 0) return undefined;
  return {
    kind: 'not_verified',
    message: `pods crash on node ${node} since its uncordon: ${crashes.join('; ')}`,
  };
}

/** A host that was uncordoned without a sample is proven by the first sample within its soak. */
async function recordNewProof(walk: HostWalk): Promise<void> {
  if (walk.state.proven !== 'provisional') return;
  const { facts, state } = walk;
  const verdict = known(facts, 'kmem.verdict', 'unknown');
  if (isInPart(walk) && state.proof?.accepted !== undefined) {
    if (facts['kmem.partial'] !== 'samples') return;
    const { accepted } = state.proof;
    await walk.run.record(
      {
        type: 'proof',
        host: walk.host,
        verdict,
        by: 'samples',
        evidence: evidenceOf(walk),
        accepted,
      },
      true,
    );
    return;
  }
  const by = facts['kmem.proof'];
  if (facts['kmem.provable'] !== true || (by !== 'samples' && by !== 'active_probe')) return;
  await walk.run.record(
    { type: 'proof', host: walk.host, verdict, by, evidence: evidenceOf(walk) },
    true,
  );
}
