// `kmend validate`: checks playbook and inventory without contacting a host.
import type { Command } from 'commander';
import { loadProject } from '../../../app/plan/project.ts';
import type { FleetFlags } from '../../../app/session/flags.ts';
import { declaredOf } from '../../../app/session/fleet.ts';
import { resolvePattern } from '../../../load/index.ts';
import { plural } from '../../../screens/layout.ts';
import { onlyAsked } from '../../configuration.ts';
import { withFleetOptions } from '../../options.ts';
import { withSession } from '../../terminal/observer.ts';
import type { World } from '../../world.ts';

export function validateCommand(
  program: Command,
  world: World,
  done: (exit: number) => void,
): void {
  withFleetOptions(program.command('validate'))
    .description('check playbooks and inventory; every error with its place, exit 3')
    .argument('<playbooks...>')
    .action(async (paths: readonly string[], flags: FleetFlags, command: Command) => {
      for (const path of paths)
        await withSession(flags, onlyAsked(command, world), async (session) => {
          const { playbook, inventory } = await loadProject(path, session, {
            inventoryOptional: true,
            offline: true,
          });
          for (const play of playbook.plays)
            declaredOf(inventory, resolvePattern(play.hosts, inventory).value ?? [], session, play);
          const hosts =
            inventory.hosts.size === 0
              ? ''
              : `, inventory of ${plural(inventory.hosts.size, 'host')}`;
          world.out(`${path}: ${plural(playbook.plays.length, 'play')} fine${hosts}`);
        });
      done(0);
    });
}
