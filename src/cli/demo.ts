// The demo: a newcomer sees a fleet checked, planned, mended one host at a time, rebooted and proven, in under a minute, without root.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duration } from '../report/layout.ts';
import { paintOf } from './setup.ts';
import type { World } from './world.ts';

/** Runs one command line in this world and gives its exit code. */
export type RunLine = (args: readonly string[], world: World) => Promise<number>;

/** Runs the same command line as a person would, in this process, against a fleet of this process. */
export async function runDemo(flags: { readonly down?: string }, world: World, runLine: RunLine): Promise<number> {
  const { createFleet, demoHosts } = await import('../lab/index.ts');
  const directory = await mkdtemp(join(tmpdir(), 'kmend-demo-'));
  const began = world.clock.now();
  const fleet = await createFleet({ dir: join(directory, 'fleet'), hosts: demoHosts, downSeconds: Number(flags.down ?? '1') });
  const paint = paintOf(world);
  const step = async (title: string, args: readonly string[], expected: readonly number[]): Promise<boolean> => {
    world.out(`\n${paint.cyan(`$ kmend ${args.map((word) => word.replace(`${directory}/`, '')).join(' ')}`)}   ${paint.dim(`# ${title}`)}`);
    const code = await runLine([...args, '--state-dir', join(directory, 'state')], world);
    world.out(paint.dim(`(exit ${code})`));
    if (!expected.includes(code)) world.err(`the demo expected exit ${expected.join(' or ')}`);
    return expected.includes(code);
  };
  try {
    world.out(`A practice fleet of ${demoHosts.length} hosts, each with its own file tree, package database and boot loader, on loopback.`);
    const inventory = ['-i', fleet.inventoryFile];
    const plan = join(directory, 'plan.json');
    const playbook = join(world.packageRoot, 'playbooks', 'auto.yaml');
    const good =
      (await step('what is wrong, and what would mend it', ['check', ...inventory], [2, 6])) &&
      (await step(
        'what would be done, in which order',
        ['plan', playbook, ...inventory, '--max-unavailable', '2', '--unplannable', 'leave_out', '-o', plan],
        [2, 4, 6],
      )) &&
      (await step('exactly that', ['apply', plan, '--yes'], [0, 4, 6])) &&
      (await step('and now', ['check', ...inventory], [0, 2, 4, 6]));
    world.out(`\nThe demo took ${duration((world.clock.now() - began) / 1000)}.`);
    return good ? 0 : 1;
  } finally {
    await fleet.close();
    await rm(directory, { recursive: true, force: true });
  }
}
