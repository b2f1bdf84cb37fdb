// The conditions that must be true before an effect is performed. Pure; `perform` asks here.

import { hostStates, type RunState } from '../../core/run-state/state.ts';
import type { Facts } from '../../model/fact.ts';
import type { PlanContext } from '../../model/run/change.ts';
import type { Effect } from '../../model/run/effect.ts';
import type { Failure } from '../../model/run/failure.ts';

export interface GuardView {
  readonly facts: Facts;
  readonly done: PlanContext['done'];
  readonly hasCluster: boolean;
  /** Boot id of the machine that runs kmend: it never reboots or drains itself. */
  readonly ownBootId: string;
  /** The effect runs as root, by login or by become. */
  readonly isRoot: boolean;
}

const blocked = (message: string, hint: string): Failure => ({ kind: 'blocked', message, hint });

/** Why the effect is refused; undefined = it may be performed. */
export function guard(effect: Effect, view: GuardView): Failure | undefined {
  if (!Number.isFinite(effect.timeout) || effect.timeout <= 0)
    throw new Error(`effect "${effect.what}" has no finite timeout`);
  const isSelf = view.ownBootId !== '' && view.facts['boot.id'] === view.ownBootId;
  if (isSelf && (effect.kind === 'reboot' || effect.kind === 'cordon' || effect.kind === 'drain'))
    return blocked(
      `this is the machine that runs kmend: it does not ${effect.kind} itself`,
      'run kmend from another machine for this host',
    );
  switch (effect.kind) {
    case 'reboot':
      return guardReboot(effect.drain, view);
    case 'cordon':
    case 'drain':
    case 'uncordon':
      return view.hasCluster
        ? undefined
        : blocked(
            `cannot ${effect.kind} node ${effect.node}: no cluster is configured`,
            'give --kubeconfig',
          );
    case 'run':
    case 'write':
    case 'copy':
      if (view.isRoot) return undefined;
      return {
        kind: 'auth',
        message: 'changing a host needs root',
        hint: 'log in as root, or set become: true in the play (or -b)',
      };
    case 'local':
    case 'wait':
      return undefined;
  }
}

function guardReboot(drain: 'required' | 'none', view: GuardView): Failure | undefined {
  if (!view.isRoot)
    return {
      kind: 'auth',
      message: 'rebooting a host needs root',
      hint: 'log in as root, or set become: true in the play (or -b)',
    };
  const kubelet = view.facts['kubelet.running'];
  if (drain === 'none' || view.done.drained || kubelet === false) return undefined;
  return blocked(
    'a kubelet runs here and nothing has drained this node',
    'put a `drain` task before the reboot: with --kubeconfig, as `drain: {command: ...}`, or `drain: none`',
  );
}

/**
 * Why a taint must not be written; undefined = it may. It is set only on nodes whose host waits for
 * its turn. It is removed only if this run set it, or from nodes of this run.
 */
export function guardTaint(
  pending: boolean,
  state: RunState,
): (taint: { readonly node: string; readonly run: string }) => string | undefined {
  const hosts = [...hostStates(state)];
  const ours = new Set(hosts.map(({ plan }) => plan.node));
  const waiting = new Set(
    hosts
      .filter(({ status }) => status === 'planned' || status === 'waiting')
      .map(({ plan }) => plan.node),
  );
  if (pending)
    return ({ node }) =>
      waiting.has(node) ? undefined : `no host of this run waits on node ${node}`;
  return ({ node, run }) =>
    run === state.run || ours.has(node) ? undefined : `the taint of node ${node} is of run ${run}`;
}
