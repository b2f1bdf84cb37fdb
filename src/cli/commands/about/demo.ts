// The demo: one incident on a practice fleet, from the affected node to the proof of the fix. It
// takes less than a minute, and needs no root.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RolloutFlags } from '../../../app/session/flags.ts';
import { present } from '../../../model/present.ts';
import { beforeAndAfter, type CheckRow } from '../../../screens/hosts/check-table.ts';
import { duration, fold } from '../../../screens/layout.ts';
import { loadPractice } from '../../practice.ts';
import { explain } from '../../terminal/explain.ts';
import { paintOf, type World } from '../../world.ts';
import { check } from '../fleet/check.ts';
import { report } from '../history/report.ts';
import { applyPlan, planPlaybook } from '../rollout/plan-apply.ts';

/** The node of the original report, the first of the demo's fleet. */
const affectedNode = 'node-a1';
const others = `!${affectedNode}`;

/** The demo's world, its inventory, and the directories of plans and runs. */
interface Stage {
  readonly world: World;
  readonly inventory: string;
  readonly directory: string;
  readonly state: string;
  readonly playbook: string;
}

/** Carries out an operator's commands against a practice fleet, all in this process. */
export async function runDemo(flags: { readonly down?: string }, world: World): Promise<number> {
  const { createFleet, demoHosts } = await loadPractice();
  const directory = await mkdtemp(join(tmpdir(), 'kmend-demo-'));
  const began = world.clock.now();
  const fleet = await createFleet({
    dir: join(directory, 'fleet'),
    hosts: demoHosts,
    downSeconds: Number(flags.down ?? '1'),
  });
  const playbook = join(world.packageRoot, 'playbooks', 'auto.yaml');
  try {
    const stage = {
      world,
      inventory: fleet.inventoryFile,
      directory,
      state: join(directory, 'state'),
      playbook,
    };
    const isGood = await story(stage, demoHosts.length);
    world.out('');
    world.out(
      `The demo took ${duration((world.clock.now() - began) / 1000)}. Your own fleet: kmend check -i inventory.yaml`,
    );
    return isGood ? 0 : 1;
  } finally {
    await fleet.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function story(stage: Stage, hosts: number): Promise<boolean> {
  const [plan, rest] = [join(stage.directory, 'plan.json'), join(stage.directory, 'rest.json')];
  paragraph(stage.world, [
    'CentOS 7.5 with 3.10.0-862.el7, Kubernetes 1.12.3 and Docker 18.06.1-ce: one of its nodes locks up. What follows is real, on a practice',
    `fleet of ${hosts} hosts in this process, each with its own files, packages and boot loader. Only their reboots are short.`,
  ]);
  chapter(stage, '1. A sick node: what its log says, and why');
  const affected = await look(stage, affectedNode, 'whole');
  chapter(stage, '2. The plan, before anything is touched');
  const isPlanned = await step(stage, planning(stage, plan, affectedNode), [2]);
  chapter(stage, '3. One canary: exactly that plan');
  const isRemediated = isPlanned && (await step(stage, applying(stage, plan), [0]));
  chapter(stage, '4. The proof: reads from its memory cgroups after the reboot');
  const isProven = isRemediated && (await step(stage, await reporting(stage), [0]));
  chapter(stage, '5. The rest of the fleet: each host has its own remedy, or none');
  const before = await look(stage, others, 'table');
  // One host does not answer: it takes one of the four slots.
  const budget = { maxUnavailable: '4', unplannable: 'leave_out' };
  const good =
    isProven &&
    (await step(stage, planning(stage, rest, others, budget), [4], onlyTotals)) &&
    (await step(stage, applying(stage, rest), [4]));
  chapter(stage, '6. Before and after');
  const after = await look(stage, 'all', 'summary');
  for (const line of beforeAndAfter(
    [...affected, ...before],
    after,
    stage.world.width(),
    paintOf(stage.world),
  ))
    stage.world.out(line);
  return good;
}

const paragraph = (world: World, lines: readonly string[]): void => {
  for (const line of fold(lines.join(' '), Math.min(100, world.width()))) world.out(line);
};

const chapter = ({ world }: Stage, title: string): void => {
  world.out('');
  world.out(paintOf(world).bold(title));
};

/** A shell filter behind a command, and the lines that it keeps. */
interface Filter {
  readonly text: string;
  readonly keep: (lines: readonly string[]) => readonly string[];
}
const onlyTotals: Filter = {
  text: " | grep '^Plan:'",
  keep: (lines) => lines.filter((line) => line.startsWith('Plan:')),
};
const onlySummary: Filter = { text: ' | tail -n 1', keep: (lines) => lines.slice(-1) };

/** Prints the command as an operator would type it. */
function prompt(
  { world, directory }: Stage,
  words: readonly string[],
  filter: Filter | undefined,
): void {
  const short = words.map((word) =>
    word
      .replace(`${directory}/`, '')
      .replace(`${world.packageRoot}/`, '')
      .replace(others, `'${others}'`),
  );
  world.out(paintOf(world).cyan(`$ kmend ${short.join(' ')}${filter?.text ?? ''}`));
}

/** A command, as it is shown and as it is run. */
interface Step {
  readonly words: readonly string[];
  readonly run: (world: World) => Promise<number>;
}

function planning(stage: Stage, output: string, limit: string, rollout: RolloutFlags = {}): Step {
  const { playbook, inventory, state: stateDir } = stage;
  const { maxUnavailable, unplannable } = rollout;
  const options = Object.entries(
    present({ '--max-unavailable': maxUnavailable, '--unplannable': unplannable }),
  ).flat();
  return {
    words: ['plan', playbook, '-i', inventory, '-l', limit, ...options, '-o', output],
    run: (world) =>
      planPlaybook(
        playbook,
        { inventory: [inventory], limit, ...rollout, output, stateDir },
        world,
      ),
  };
}

const applying = ({ state: stateDir }: Stage, plan: string): Step => ({
  words: ['apply', plan, '--yes'],
  run: (world) => applyPlan(plan, { yes: true, stateDir }, world),
});

async function reporting({ world, state: stateDir }: Stage): Promise<Step> {
  const run = (await (await world.store({ state: stateDir, stateDir })).runs()).at(-1)?.run ?? '';
  return { words: ['report', run], run: (heard) => report(run, { stateDir }, heard) };
}

async function step(
  stage: Stage,
  { words, run }: Step,
  expected: readonly number[],
  filter?: Filter,
): Promise<boolean> {
  const { world } = stage;
  prompt(stage, words, filter);
  const code = await filtered(world, filter, (heard) =>
    run(heard).catch((error: unknown) => explain(error, heard)),
  );
  return asExpected(world, code, expected);
}

async function look(
  stage: Stage,
  pattern: string,
  part: 'whole' | 'table' | 'summary',
): Promise<readonly CheckRow[]> {
  const { world, inventory, state } = stage;
  const filter = part === 'summary' ? onlySummary : undefined;
  prompt(stage, ['check', pattern, '-i', inventory, ...(part === 'whole' ? ['-v'] : [])], filter);
  const flags = {
    inventory: [inventory],
    stateDir: state,
    ...(part === 'whole' ? { verbose: 1 } : {}),
  };
  return (await filtered(world, filter, (heard) => check(pattern, flags, heard))).rows;
}

async function filtered<T>(
  world: World,
  filter: Filter | undefined,
  work: (world: World) => Promise<T>,
): Promise<T> {
  if (filter === undefined) return work(world);
  const lines: string[] = [];
  const result = await work({ ...world, out: (line) => void lines.push(line) });
  for (const line of filter.keep(lines)) world.out(line);
  return result;
}

function asExpected(world: World, code: number, expected: readonly number[]): boolean {
  world.out(paintOf(world).dim(`(exit ${code})`));
  if (!expected.includes(code)) world.err(`the demo expected exit ${expected.join(' or ')}`);
  return expected.includes(code);
}
