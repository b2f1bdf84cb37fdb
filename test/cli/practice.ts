// A practice fleet with a state directory and playbooks beside it, and the command lines that tests
// run against it.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFleet, type Fleet, type HostSpec } from '../../practice/index.ts';
import type { Event } from '../../src/model/run/event.ts';
import {
  type CommandResult,
  command,
  type RunningCommand,
  startCommand,
  type WorldChanges,
} from './real-world.ts';

export { eventsOf, play, remediationPlay } from '../fakes/plays.ts';

const engine = ['container-selinux-2:2.68-1.el7', 'docker-ce-18.06.1.ce-3.el7'];

/** A host with the bug on a kernel that knows the argument: the argument and a reboot remediate it. */
export const sick = (name: string, more: Partial<HostSpec> = {}): HostSpec => ({
  name,
  flavour: 'el7',
  kernel: '3.10.0-1160.el7.x86_64',
  packages: engine,
  ...more,
});

/** Hosts that commands reach by an inventory. */
export interface Reachable {
  readonly hosts: readonly { readonly name: string }[];
  readonly inventoryFile: string;
  readonly close: () => Promise<void>;
}

export interface Practice<Hosts extends Reachable = Fleet> {
  readonly dir: string;
  readonly state: string;
  readonly fleet: Hosts;
  readonly host: (name: string) => Hosts['hosts'][number];
  /** Writes a file beside the fleet and gives its path. */
  readonly file: (name: string, text: string) => string;
  readonly run: (
    args: readonly string[],
    changes?: Partial<WorldChanges>,
  ) => Promise<CommandResult>;
  readonly start: (args: readonly string[], changes?: Partial<WorldChanges>) => RunningCommand;
  /** Ids of all runs, the oldest first. */
  readonly runs: () => readonly string[];
  /** The events of a run; the last one when none is named. */
  readonly journal: (run?: string) => readonly Event[];
  readonly journalText: (run?: string) => string;
  readonly close: () => Promise<void>;
}

export async function practice(
  hosts: readonly HostSpec[],
  options: { readonly downSeconds?: number } = {},
): Promise<Practice> {
  return practiceOn((dir) =>
    createFleet({ dir: join(dir, 'fleet'), hosts, downSeconds: options.downSeconds ?? 0.3 }),
  );
}

/**
 * State directory, playbooks and command lines for any hosts; `make` gets an empty folder of its
 * own.
 */
export async function practiceOn<Hosts extends Reachable>(
  make: (dir: string) => Hosts | Promise<Hosts>,
): Promise<Practice<Hosts>> {
  const dir = mkdtempSync(join(tmpdir(), 'kmend-test-'));
  const state = join(dir, 'state');
  const fleet = await make(dir);
  mkdirSync(join(dir, 'home'));
  const runs = (): readonly string[] => {
    try {
      // Runs of the same second have ids in no order.
      const began = (run: string): number => Number(/"at":(\d+)/.exec(journalText(run))?.[1] ?? 0);
      return readdirSync(join(state, 'runs'))
        .filter((run) => existsSync(journalOf(run)))
        .sort((a, b) => began(a) - began(b));
    } catch {
      return [];
    }
  };
  const journalOf = (run: string): string => join(state, 'runs', run, 'journal.ndjson');
  const journalText = (run = runs().at(-1) ?? ''): string => readFileSync(journalOf(run), 'utf8');
  /**
   * The fleet's inventory where a command wants one, and the state directory, unless the words name
   * others.
   */
  const withFleet = (args: readonly string[]): readonly string[] => [
    ...args,
    ...(['check', 'plan', 'apply'].includes(args[0] ?? '') && !args.includes('-i')
      ? ['-i', fleet.inventoryFile]
      : []),
    ...(args.includes('--state-dir') ? [] : ['--state-dir', state]),
  ];
  return {
    dir,
    state,
    fleet,
    host: (name) => {
      const found = fleet.hosts.find((one) => one.name === name);
      if (found === undefined) throw new Error(`no host ${name}`);
      return found;
    },
    file: (name, text) => {
      writeFileSync(join(dir, name), text);
      return join(dir, name);
    },
    run: (args, changes = {}) => command(withFleet(args), { home: join(dir, 'home'), ...changes }),
    start: (args, changes = {}) =>
      startCommand(withFleet(args), { home: join(dir, 'home'), ...changes }),
    runs,
    journalText,
    journal: (run) =>
      journalText(run)
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Event),
    close: async () => {
      await fleet.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Waits until `holds`; says what it waited for when it does not come. */
export async function until(what: string, holds: () => boolean, seconds = 20): Promise<void> {
  for (let waited = 0; waited < seconds * 50; waited++) {
    if (holds()) return;
    await sleep(20);
  }
  throw new Error(`waited ${seconds} s for: ${what}`);
}
