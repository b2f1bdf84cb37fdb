// `kmend validate`: checks playbook and inventory without contacting a host.
import type { Command } from 'commander';
import { contained, type Observer } from '../../../app/observer.ts';
import { loadProject } from '../../../app/plan/project.ts';
import { InputErrors } from '../../../app/session/diagnostics.ts';
import type { FleetFlags } from '../../../app/session/flags.ts';
import { declaredOf } from '../../../app/session/fleet.ts';
import { inSession, type Session } from '../../../app/session/session.ts';
import { resolvePattern } from '../../../load/index.ts';
import type { Diagnostic } from '../../../model/diagnostic.ts';
import { plural } from '../../../screens/layout.ts';
import { onlyAsked } from '../../configuration.ts';
import { playbookText, withFleetOptions } from '../../options.ts';
import { printJson } from '../../output.ts';
import { observerOf } from '../../terminal/observer.ts';
import type { World } from '../../world.ts';

export function validateCommand(
  program: Command,
  world: World,
  done: (exit: number) => void,
): void {
  withFleetOptions(program.command('validate'))
    .description('check playbooks and inventory; every error with its place, exit 3')
    .argument('<playbooks...>', playbookText)
    .action(async (paths: readonly string[], flags: FleetFlags, command: Command) => {
      const asked = onlyAsked(command, world);
      const exits: number[] = [];
      for (const path of paths)
        exits.push(
          await (flags.json === true
            ? validateAsJson(path, flags, asked)
            : validateAsText(path, flags, asked)),
        );
      done(Math.max(...exits));
    });
}

interface Counts {
  readonly plays: number;
  readonly hosts: number;
}

async function examine(path: string, session: Session): Promise<Counts> {
  const { playbook, inventory } = await loadProject(path, session, {
    inventoryOptional: true,
    offline: true,
  });
  for (const play of playbook.plays)
    declaredOf(inventory, resolvePattern(play.hosts, inventory).value ?? [], session, play);
  return { plays: playbook.plays.length, hosts: inventory.hosts.size };
}

function validateAsText(path: string, flags: FleetFlags, world: World): Promise<number> {
  const observer = observerOf(world, {});
  return contained(observer, async () => {
    const { plays, hosts } = await inSession(flags, { world, observer }, (session) =>
      examine(path, session),
    );
    const inventory = hosts === 0 ? '' : `, inventory of ${plural(hosts, 'host')}`;
    world.out(`${path}: ${plural(plays, 'play')} fine${inventory}`);
    return 0;
  });
}

async function validateAsJson(path: string, flags: FleetFlags, world: World): Promise<number> {
  const diagnostics: Diagnostic[] = [];
  const collect = (found: readonly Diagnostic[]): void => void diagnostics.push(...found);
  const observer: Observer = { ...observerOf(world, { json: true }), diagnostics: collect };
  const print = (line: { readonly ok: boolean } & Partial<Counts>): void =>
    printJson('kmend.validate/1', { playbook: path, ...line, diagnostics }, world);
  try {
    print({
      ok: true,
      ...(await inSession(flags, { world, observer }, (one) => examine(path, one))),
    });
    return 0;
  } catch (error) {
    if (!(error instanceof InputErrors)) return observer.failed(error);
    collect(error.diagnostics);
    print({ ok: false });
    return 3;
  }
}
