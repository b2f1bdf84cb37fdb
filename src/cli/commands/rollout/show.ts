// `kmend show`: a saved plan, read again. No host is contacted, and no other file is read.
import type { Command } from 'commander';
import { savedPlan } from '../../../app/run/apply.ts';
import { CommandError } from '../../../app/session/world.ts';
import type { Plan } from '../../../model/run/plan.ts';
import { pasteable } from '../../../model/text/quote.ts';
import { jsonInTurns } from '../../output.ts';
import { printPlan } from '../../terminal/show-plan.ts';
import type { World } from '../../world.ts';

export function showCommand(program: Command, world: World, done: (exit: number) => void): void {
  program
    .command('show')
    .description('print a plan that `kmend plan -o FILE` saved, without contacting a host')
    .argument('<plan>')
    .option('--json', 'the plan as JSON')
    .addHelpText(
      'after',
      '\nWhether its playbook and inventory are still the same is what `kmend apply --check FILE` says (exit 8: they are not).',
    )
    .action(async (path: string, flags: { readonly json?: boolean }) => {
      await show(path, flags.json === true, world);
      done(0);
    });
}

async function show(path: string, json: boolean, world: World): Promise<void> {
  const plan = savedPlan(path, world);
  if (plan === undefined) {
    const read = world.reader.readText(path);
    throw new CommandError(
      3,
      read.ok ? `${path} is no saved plan` : `${path} cannot be read: ${read.why}`,
      'give the FILE of `kmend plan -o FILE`, whose name ends with .json; `kmend report` shows a run',
    );
  }
  if (json) return world.out(await jsonInTurns(plan, world.clock));
  const canaryHosts = plan.plays.map((play) => play.canaryHosts);
  world.out(originOf(plan));
  world.out('');
  await printPlan({ plan, canaryHosts }, false, world);
  world.out(`Carry it out with: kmend apply ${pasteable(path)}`);
}

function originOf(plan: Plan): string {
  const when = new Date(plan.createdAt).toISOString().slice(0, 19).replace('T', ' ');
  const limit = plan.limit === undefined ? '' : `, limit ${plan.limit}`;
  const inventories = plan.inventories.length === 0 ? '' : `, -i ${plan.inventories.join(' -i ')}`;
  return `Made ${when} UTC by kmend ${plan.tool} of ${plan.playbook}${inventories}${limit}`;
}
