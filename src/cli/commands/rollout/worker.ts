// `kmend worker`, which carries on the runs of a shared state, and `kmend workers`, which lists who
// does so.
import { hostname } from 'node:os';
import type { Command } from 'commander';
import { afterTurn } from '../../../app/jobs/after-turn.ts';
import { type DueTurn, runTurn } from '../../../app/jobs/due-turns.ts';
import type { Job } from '../../../app/jobs/jobs.ts';
import { unattended } from '../../../app/jobs/turn.ts';
import type { FleetFlags } from '../../../app/session/flags.ts';
import { wholeNumber } from '../../../app/session/flags.ts';
import { CommandError, type Surroundings } from '../../../app/session/world.ts';
import { work } from '../../../app/worker/worker.ts';
import type { Keep } from '../../../core/history/retention.ts';
import type { Store } from '../../../engine/ports/store.ts';
import type { LiveWorker, OpenRun } from '../../../engine/ports/workers.ts';
import { wrongSite } from '../../../load/inventory/target.ts';
import { present } from '../../../model/present.ts';
import { table, utcTime } from '../../../screens/layout.ts';
import { jobCommand } from '../../job-command.ts';
import {
  collect,
  jobsKeep,
  keepFlag,
  stateOption,
  withMetricsOption,
  withQuietOption,
} from '../../options.ts';
import { printJson } from '../../output.ts';
import { observerOf, withSession } from '../../terminal/observer.ts';
import type { World } from '../../world.ts';

interface WorkerFlags
  extends Pick<
    FleetFlags,
    | 'privateKey'
    | 'vaultPasswordFile'
    | 'kubeconfig'
    | 'context'
    | 'forks'
    | 'state'
    | 'stateDir'
    | 'metricsFile'
    | 'json'
    | 'quiet'
  > {
  readonly runs?: string;
  readonly sites?: string;
  readonly hosts?: string;
  readonly keep?: string;
}

interface ListFlags extends Pick<FleetFlags, 'state' | 'stateDir' | 'json'> {
  readonly here?: boolean;
}

export function workerCommands(program: Command, world: World, done: (exit: number) => void): void {
  withMetricsOption(withQuietOption(program.command('worker')))
    .description(
      'carry on the runs of a database: those of `apply --detach`, and those whose process died; carry out its scheduled jobs; work on the hosts of its sites',
    )
    .option('--runs <n>', 'runs at the same time at most (default 4)')
    .option('--sites <names>', 'sites whose hosts it reaches (`kmend_site`), with commas between')
    .option('--hosts <n>', 'hosts of its sites at the same time at most (default 20)')
    .option('--private-key <file>', 'key file to log in with, instead of that of the run')
    .option(
      '--vault-password-file <file>',
      'file with the password of ansible-vault, or a program that prints it, instead of those of the run (may be repeated)',
      collect,
    )
    .option('--kubeconfig <file>', 'kubeconfig of this machine, instead of that of the run')
    .option('--context <name>', 'context of the kubeconfig')
    .option('-f, --forks <n>', 'hosts read at the same time, instead of the number of the run')
    .option(...stateOption)
    .option('--state-dir <dir>', 'where fetched packages are kept')
    .option('--keep <what>', `after a turn, as \`runs prune --keep\` does (default ${jobsKeep})`)
    .option('--json', 'JSON lines instead of text')
    .addHelpText(
      'after',
      '\nWith --sites it also works on hosts of other runs: those whose inventory\n' +
        'variable kmend_site is one of these names. Whoever leads their run needs no\n' +
        'way to them.\n\n' +
        'It works in the directory where the playbooks and inventories are, as `apply`\n' +
        'did. On SIGTERM it finishes the steps under way and hands its runs over: other\n' +
        'workers carry them on. Secret variables of a run come from its environment\n' +
        '(KMEND_VAR_NAME), never from the database.',
    )
    .action(async (flags: WorkerFlags) => {
      await startWorker(flags, world);
      done(0);
    });
  program
    .command('workers')
    .description('list the workers that are alive, what they do, and which runs wait for one')
    .option(...stateOption)
    .option('--state-dir <dir>', 'where runs are kept')
    .option('--here', 'only those of this machine; fails where none is alive, as a probe needs it')
    .option('--json', 'JSON lines')
    .action(async (flags: ListFlags) => {
      await listWorkers(flags, world);
      done(0);
    });
}

function startWorker(given: WorkerFlags, world: World): Promise<void> {
  const { runs, sites, hosts, json, quiet, keep, metricsFile, ...own } = given;
  // Passwords of the run may be in files that only its operator has.
  const flags = own.vaultPasswordFile === undefined ? own : { ...own, vaultId: [] };
  const kept = keepFlag(keep ?? jobsKeep);
  const style = present({ json, quiet });
  const most = wholeNumber(runs, '--runs', 4);
  const reached = { sites: siteNames(sites), hosts: wholeNumber(hosts, '--hosts', 20) };
  const machine = hostname();
  return withSession(given, world, async (session) => {
    const store = await session.ports.store();
    const shared = async (): Promise<Store> => ({ ...store, close: async () => {} });
    return world.underWay(() =>
      work(
        {
          most,
          ...reached,
          machine,
          pid: process.pid,
          flags,
          around: (run) => {
            const own = worldOf(run, machine, world, json === true);
            return { world: own, observer: observerOf(own, style) } satisfies Surroundings;
          },
          turn: (due) => {
            const own = worldOf(`job ${due.job}`, machine, world, json === true);
            const ofTurn = present({ state: flags.state, stateDir: flags.stateDir, metricsFile });
            return carryOutTurn(due, kept, ofTurn, { ...own, store: shared });
          },
        },
        session,
      ),
    );
  });
}

/** The names of `--sites`, each once. */
function siteNames(text: string | undefined): readonly string[] {
  if (text === undefined) return [];
  const names = [...new Set(text.split(',').map((name) => name.trim()))];
  for (const name of names) {
    const why = wrongSite(name);
    if (why !== undefined) throw new CommandError(3, `--sites: ${why}`);
  }
  return names;
}

/** Like `schedule run`, but an `apply` only begins its run: workers carry it on like any other. */
async function carryOutTurn(
  due: DueTurn,
  keep: Keep,
  flags: FleetFlags,
  given: World,
): Promise<void> {
  const world = unattended(given, { name: due.job });
  await withSession(flags, world, async (session) => {
    const end = await runTurn(
      due,
      (job) => jobCommand(detached(job), session.settings.state, world),
      session,
    );
    if (end !== undefined) await afterTurn(keep, session);
  });
}

const detached = (job: Job): Job =>
  job.args[0] === 'apply' ? { ...job, args: ['apply', '--detach', ...job.args.slice(1)] } : job;

/** Lines begin with the run, since several runs print beside each other. Nobody is asked. */
const worldOf = (run: string, machine: string, world: World, json: boolean): World => {
  const prefixed =
    (print: (line: string) => void) =>
    (line: string): void =>
      print(json && line.startsWith('{') ? line : `${run} ${line}`);
  return {
    ...world,
    out: prefixed(world.out),
    data: prefixed(world.data),
    err: prefixed(world.err),
    progress: () => {},
    isTerminal: false,
    who: `${world.who}@${machine} (worker)`,
    asker: {
      attended: false,
      confirm: async () => false,
      secret: async (prompt) => {
        throw new CommandError(3, `a worker cannot be asked: ${prompt.trim()}`);
      },
    },
  };
};

async function listWorkers(flags: ListFlags, world: World): Promise<void> {
  const here = flags.here === true ? hostname() : undefined;
  const { alive, waiting } = await withSession(flags, world, async ({ ports }) => {
    const { workers, place } = await ports.store();
    if (workers === undefined)
      throw new CommandError(
        3,
        `workers need a database, and ${place} is a directory`,
        'name it: --state postgres://HOST/DATABASE',
      );
    const open = here === undefined ? await workers.open(false) : [];
    const all = await workers.alive();
    return {
      alive: all.filter(({ machine }) => here === undefined || machine === here),
      waiting: open.filter(({ leader }) => leader !== 'led'),
    };
  });
  if (here !== undefined && alive.length === 0)
    throw new CommandError(1, `no worker of this machine (${here}) is alive`);
  if (flags.json === true) {
    for (const worker of alive) printJson('kmend.worker/1', worker, world);
    for (const run of waiting) printJson('kmend.open-run/1', run, world);
    return;
  }
  for (const line of workerLines(alive, waiting, world.width())) world.out(line);
}

function workerLines(
  alive: readonly LiveWorker[],
  waiting: readonly OpenRun[],
  width: number,
): readonly string[] {
  const rows = alive.map(({ id, machine, pid, version, sites, since, most, runs, hosts }) => [
    String(id),
    `${machine}, pid ${pid}`,
    version,
    sites.join(' ') || '-',
    utcTime(since),
    most === 0 ? ['ends:', ...runs].join(' ') : `${runs.length} of ${most} ${runs.join(' ')}`,
    hosts.map(({ host }) => host).join(' ') || '-',
  ]);
  const titles = ['worker', 'machine', 'version', 'sites', 'since', 'runs', 'hosts of its sites'];
  return [
    ...(rows.length === 0 ? ['no worker is alive'] : table([titles, ...rows], width)),
    ...waiting.map(({ run, leader }) =>
      leader === 'free'
        ? `run ${run} waits for a worker`
        : `run ${run} has a process that does not answer: it is not proven dead yet`,
    ),
    ...alive.flatMap(({ id, refused }) =>
      refused.map(({ run, why }) => `worker ${id} does not carry on run ${run}: ${why}`),
    ),
  ];
}
