// `rollout.adopt`: an apply first ends interrupted runs whose hosts are proven: their nodes are uncordoned and their fences closed, by a
// resume that does nothing else.
import { isProven } from '../../core/history/orphans.ts';
import type { MadePlan } from '../plan/make-plan.ts';
import type { Settings } from '../session/settings.ts';
import type { RunLine, World } from '../session/world.ts';

/** True where a run was ended, so that the plan is made again. What could not be returned is named by that plan. */
export async function adoptProven({ plan, held = [] }: MadePlan, set: Settings, world: World, runLine: RunLine): Promise<boolean> {
  const proven = new Set(
    plan.plays.flatMap(({ rollout, hosts }) => (rollout.adopt === 'none' ? [] : hosts.filter(isProven).map(({ host }) => host))),
  );
  const hostsOf = new Map<string, string[]>();
  for (const { host, run, kind } of held)
    if (kind === 'interrupted' && proven.has(host)) hostsOf.set(run, [...(hostsOf.get(run) ?? []), host]);
  for (const [run, hosts] of hostsOf) {
    world.err(
      `run ${run} was interrupted: ${hosts.join(', ')} ${hosts.length === 1 ? 'is' : 'are'} returned to service if proven (rollout.adopt)`,
    );
    await runLine(returnWords(run, hosts, set), world);
  }
  return hostsOf.size > 0;
}

/** The resume of a run that only returns these hosts. */
export const returnWords = (run: string, hosts: readonly string[], { stateDir, flags }: Settings): readonly string[] => [
  ...['resume', run, '--state-dir', stateDir, ...hosts.flatMap((host) => ['--return-proven', host])],
  ...(flags.askPass === true ? ['--ask-pass'] : []),
  ...(flags.askBecomePass === true ? ['--ask-become-pass'] : []),
  ...(flags.json === true ? ['--json'] : []),
];
