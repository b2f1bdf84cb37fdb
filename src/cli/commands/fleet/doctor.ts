// `kmend doctor`: whether this machine can reach and change its fleet; and `kmend cleanup`.
import type { Command } from 'commander';
import { type Answer, type ClusterAnswer, cleanup, doctor } from '../../../app/hosts/doctor.ts';
import type { FleetFlags } from '../../../app/session/flags.ts';
import { CommandError } from '../../../app/session/world.ts';
import { plural } from '../../../model/text/plural.ts';
import { table } from '../../../screens/layout.ts';
import { failureText } from '../../../screens/run/failure-text.ts';
import { heldLines } from '../../../screens/run/held-text.ts';
import { stateLines } from '../../../screens/state-text.ts';
import { withFleetOptions } from '../../options.ts';
import { printJson } from '../../output.ts';
import { withSession } from '../../terminal/observer.ts';
import { paintOf, type World } from '../../world.ts';

export function doctorCommand(program: Command, world: World, done: (exit: number) => void): void {
  withFleetOptions(program.command('doctor'))
    .description(
      'can every host be reached, is there a POSIX sh, may we become root; does the cluster answer, and may we do there what a rollout does',
    )
    .argument('[pattern]', 'hosts', 'all')
    .action(async (pattern: string, flags: FleetFlags) =>
      done(await examine(pattern, flags, world)),
    );
  withFleetOptions(program.command('cleanup'))
    .description(
      'remove everything of kmend from hosts that no run holds (/var/lib/kmend, /run/kmend)',
    )
    .argument('<pattern>')
    .option('-y, --yes', 'do not ask')
    .action(async (pattern: string, flags: FleetFlags & { readonly yes?: boolean }) =>
      done(await remove(pattern, flags, world)),
    );
}

async function examine(pattern: string, flags: FleetFlags, world: World): Promise<number> {
  const { answers, cluster, state, standing, exit } = await withSession(flags, world, (session) =>
    doctor(pattern, session),
  );
  if (flags.json === true) {
    for (const one of cluster) printJson('kmend.cluster/1', one, world);
    if (state !== undefined) printJson('kmend.state/1', state, world);
    printAnswers('kmend.doctor/1', answers, world);
    for (const one of standing.held) printJson('kmend.held/1', one, world);
    for (const one of standing.twins) printJson('kmend.twins/1', one, world);
    return exit;
  }
  for (const one of cluster) world.out(`cluster: ${clusterText(one)}`);
  for (const line of state === undefined ? [] : stateLines(state)) world.out(`state: ${line}`);
  showAnswers(answers, world);
  for (const line of heldLines(standing.held, standing.twins, world.width(), paintOf(world)))
    world.out(line);
  return exit;
}

function clusterText(answer: ClusterAnswer): string {
  if (answer.kind === 'nodes') return `${plural(answer.nodes, 'node')} at ${answer.at}`;
  return answer.kind === 'failed' ? failureText(answer.failure) : answer.text;
}

async function remove(
  pattern: string,
  flags: FleetFlags & { readonly yes?: boolean },
  world: World,
): Promise<number> {
  if (
    flags.yes !== true &&
    !(world.asker.attended && (await world.asker.confirm(`Remove kmend's files from ${pattern}?`)))
  )
    throw new CommandError(130, 'nothing was removed');
  const { answers, exit } = await withSession(flags, world, (session) => cleanup(pattern, session));
  if (flags.json === true) printAnswers('kmend.cleanup/1', answers, world);
  else showAnswers(answers, world);
  return exit;
}

function printAnswers(
  schema: 'kmend.doctor/1' | 'kmend.cleanup/1',
  answers: readonly Answer[],
  world: World,
): void {
  for (const { host, text, failure } of answers)
    printJson(schema, { host, text, failure: failure ?? null }, world);
}

function showAnswers(answers: readonly Answer[], world: World): void {
  const rows = answers.map(({ host, text, failure }) => [
    host,
    failure === undefined ? text : failureText(failure),
  ]);
  for (const line of table(rows, world.width())) world.out(line);
}
