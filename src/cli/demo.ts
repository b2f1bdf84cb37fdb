// The demo: a newcomer sees a fleet checked, planned, mended one host at a time, rebooted and proven, in under a minute, without root.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAndAfter, type CheckRow } from '../report/check-table.ts';
import { duration } from '../report/layout.ts';
import { check } from './check.ts';
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
  const state = join(directory, 'state');
  const say = (title: string, words: readonly string[]): void =>
    world.out(`\n${paint.cyan(`$ kmend ${words.map((one) => one.replace(`${directory}/`, '')).join(' ')}`)}   ${paint.dim(`# ${title}`)}`);
  const expect = (code: number, expected: readonly number[]): boolean => {
    world.out(paint.dim(`(exit ${code})`));
    if (!expected.includes(code)) world.err(`the demo expected exit ${expected.join(' or ')}`);
    return expected.includes(code);
  };
  const step = async (title: string, args: readonly string[], expected: readonly number[]): Promise<boolean> => {
    say(title, args);
    return expect(await runLine([...args, '--state-dir', state], world), expected);
  };
  const look = async (title: string): Promise<readonly CheckRow[]> => {
    say(title, ['check', '-i', fleet.inventoryFile]);
    const checked = await check('all', { inventory: [fleet.inventoryFile], stateDir: state }, world);
    expect(checked.exit, [0, 2, 4, 6]);
    return checked.rows;
  };
  try {
    world.out(`A practice fleet of ${demoHosts.length} hosts, each with its own file tree, package database and boot loader, on loopback.`);
    const inventory = ['-i', fleet.inventoryFile];
    const plan = join(directory, 'plan.json');
    const playbook = join(world.packageRoot, 'playbooks', 'auto.yaml');
    const budget = ['--max-unavailable', '2', '--unplannable', 'leave_out'];
    const before = await look('what is wrong, and what would mend it');
    // One host does not answer: it is out of service, as far as anybody can tell, and takes one of the two slots.
    const good =
      (await step('what would be done, in which order', ['plan', playbook, ...inventory, ...budget, '-o', plan], [2, 4, 6])) &&
      (await step('exactly that', ['apply', plan, '--yes'], [0, 4, 6]));
    const after = await look('and now');
    world.out('');
    for (const line of beforeAndAfter(before, after, world.width(), paint)) world.out(line);
    world.out(`\nThe demo took ${duration((world.clock.now() - began) / 1000)}.`);
    return good ? 0 : 1;
  } finally {
    await fleet.close();
    await rm(directory, { recursive: true, force: true });
  }
}
