// Whole commands over hosts on a virtual clock: the real command line, engine, modules and state
// directory; no SSH, no shell, no second that passes.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createStore } from '../../src/adapters/store/index.ts';
import type { Gates } from '../../src/engine/ports/outside.ts';
import type { Transport } from '../../src/engine/ports/transport.ts';
import type { Event } from '../../src/model/run/event.ts';
import { failed, ok } from '../../src/model/run/failure.ts';
import {
  type CommandResult,
  type RunningCommand,
  startCommand,
  type WorldChanges,
} from '../cli/real-world.ts';
import { sharedTime } from '../hostile/fleet.ts';
import { type Fate, HostWorld, type Ran, type Recording } from './host-world.ts';
import { VirtualClock } from './virtual-clock.ts';

const usual: Fate = {
  lossy: 0,
  draws: [0.5],
  scriptSeconds: 2,
  bootSeconds: 10,
  reboot: 'good',
  drain: 'good',
};

/**
 * What keeps a host from being reached: silence until the time limit, a refused key, or connections
 * that break again and again.
 */
export type Unreachable = 'mute' | 'auth';

export interface VirtualHost {
  readonly name: string;
  /** Texts of the files below `/var` that its scripts have written. */
  readonly files: Map<string, string>;
  readonly world: HostWorld;
  unreachable?: Unreachable;
  /** So many commands from now on lose their connection, each after it was carried out. */
  drops: number;
}

export interface HostOptions {
  readonly fate?: Partial<Fate>;
  /** YAML in braces. */
  readonly vars?: string;
}

export interface VirtualFleet {
  readonly dir: string;
  readonly state: string;
  readonly inventory: string;
  readonly clock: VirtualClock;
  /** Of a process that reaches the hosts. */
  readonly world: WorldChanges;
  /** What every gate answers. */
  gates: { readonly open: boolean; readonly read: string };
  /** How often a host was dialled. */
  readonly connections: () => number;
  readonly host: (name: string) => VirtualHost;
  /** What scripts wrote by `>> "$KMEND_ROOT/var/ran"`. */
  readonly ran: (name: string) => string;
  readonly file: (name: string, text: string) => string;
  readonly run: (
    args: readonly string[],
    changes?: Partial<WorldChanges>,
  ) => Promise<CommandResult>;
  readonly start: (args: readonly string[], changes?: Partial<WorldChanges>) => RunningCommand;
  readonly runs: () => readonly string[];
  readonly journal: (run?: string) => readonly Event[];
  readonly journalText: (run?: string) => string;
  /** Waits by the clock of the hosts. */
  readonly until: (what: string, holds: () => boolean, seconds?: number) => Promise<void>;
  readonly close: () => void;
}

/** The few words of a shell that tests use; the status is that of the last one. */
function shellOf(files: Map<string, string>): (script: string) => Ran | undefined {
  const fileOf = (word: string): string => word.replace(/^"?\$KMEND_ROOT\/var\/([a-z-]+)"?$/, '$1');
  return (script) => {
    const body = script.trimEnd().split('\n').at(-2) ?? '';
    if (script.includes('nokmem') || !/^(?:sleep|echo|test|exit|true|false)\b/.test(body))
      return undefined;
    let [seconds, code, stdout] = [0.1, 0, ''];
    for (const statement of body.split(';').map((one) => one.trim())) {
      const [, verb = '', rest = ''] = /^(\w+) ?(.*)$/.exec(statement) ?? [];
      const words = rest.split(' ');
      code = 0;
      if (verb === 'sleep') seconds += Number(rest);
      else if (verb === 'echo') {
        const [text = '', target] = rest.split(' >> ');
        if (target === undefined) stdout += `${text}\n`;
        else files.set(fileOf(target), `${files.get(fileOf(target)) ?? ''}${text}\n`);
      } else if (verb === 'test' && words[0] === '-e')
        code = files.has(fileOf(words[1] ?? '')) ? 0 : 1;
      else if (verb === 'test') code = (words[0] === words[2]) === (words[1] === '=') ? 0 : 1;
      else if (verb === 'exit') return { seconds, code: Number(rest), stdout };
      else if (verb === 'false') code = 1;
      else if (verb !== 'true') throw new Error(`the fake shell does not know \`${statement}\``);
    }
    return { seconds, code, stdout };
  };
}

function transportOf(
  hosts: ReadonlyMap<string, VirtualHost>,
  clock: VirtualClock,
  dialled: () => void,
): Transport {
  return {
    connect: async (target, options) => {
      dialled();
      const host = hosts.get(target.name);
      if (host === undefined) throw new Error(`no host ${target.name}`);
      if (host.unreachable === 'auth') return failed('auth', 'the host refuses this key');
      if (host.unreachable === 'mute') {
        await clock.sleep(target.connectTimeout * 1000, options?.signal);
        return failed('unreachable', `no answer within ${target.connectTimeout} s`, {
          transport: true,
        });
      }
      const made = await host.world.transport.connect(target, options);
      if (!made.ok) return made;
      const connection = made.value;
      return ok({
        ...connection,
        hostKey: `key of ${host.name}`,
        exec: async (request) => {
          const answer = await connection.exec(request);
          if (host.drops <= 0) return answer;
          host.drops -= 1;
          connection.close();
          return failed('unreachable', 'the connection was lost', { transport: true });
        },
      });
    },
    close: async () => {},
  };
}

/** `recording` is what a sick host says (`recordHost`). */
export function virtualFleet(
  recording: Recording,
  hosts: Readonly<Record<string, HostOptions>>,
): VirtualFleet {
  const dir = mkdtempSync(join(tmpdir(), 'kmend-virtual-'));
  const [state, home, inventory] = [
    join(dir, 'state'),
    join(dir, 'home'),
    join(dir, 'inventory.yaml'),
  ];
  mkdirSync(home);
  const clock = new VirtualClock();
  const over = new AbortController();
  void clock.run(over.signal);
  const time = sharedTime(clock);
  const all = new Map(
    Object.entries(hosts).map(([name, { fate = {} }]) => {
      const files = new Map<string, string>();
      const world = new HostWorld(recording, { ...usual, ...fate }, {}, time, name, shellOf(files));
      return [name, { name, files, world, drops: 0 } as VirtualHost] as const;
    }),
  );
  const lines = Object.entries(hosts).map(
    ([name, { vars = '{}' }], index) =>
      `    ${name}: ${vars.replace('{', `{ansible_host: 192.0.2.${index + 1}, `)}\n`,
  );
  writeFileSync(inventory, `all:\n  hosts:\n${lines.join('')}`);
  const world: Partial<WorldChanges> = {
    clock: {
      now: clock.now,
      sleep: clock.sleep,
      yield: clock.yield,
      gather: clock.gather,
      random: clock.random,
      id: clock.newId,
    },
    store: async ({ state }) => createStore(state, clock.now),
    transport: async () =>
      transportOf(all, clock, () => {
        connections += 1;
      }),
    gates: async (): Promise<Gates> => ({ read: async () => lab.gates }),
  };
  const host = (name: string): VirtualHost => {
    const found = all.get(name);
    if (found === undefined) throw new Error(`no host ${name}`);
    return found;
  };
  const full = (args: readonly string[]): readonly string[] => [
    ...args,
    ...(['check', 'plan', 'apply'].includes(args[0] ?? '') && !args.includes('-i')
      ? ['-i', inventory]
      : []),
    '--state-dir',
    state,
  ];
  const start: VirtualFleet['start'] = (args, changes = {}) =>
    startCommand(full(args), { home, ...world, ...changes });
  const runs = (): readonly string[] => readdirSync(join(state, 'runs')).toSorted();
  const journalText = (run = runs().at(-1) ?? ''): string =>
    readFileSync(join(state, 'runs', run, 'journal.ndjson'), 'utf8');
  let connections = 0;
  const lab: VirtualFleet = {
    dir,
    state,
    inventory,
    clock,
    world: { home, ...world },
    gates: { open: true, read: '' },
    connections: () => connections,
    host,
    ran: (name) => host(name).files.get('ran') ?? '',
    file: (name, text) => {
      writeFileSync(join(dir, name), text);
      return join(dir, name);
    },
    run: (args, changes) => start(args, changes).result,
    start,
    runs,
    journalText,
    journal: (run) =>
      journalText(run)
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Event),
    until: async (what, holds, seconds = 600) => {
      for (let waited = 0; waited < seconds * 10; waited++) {
        if (holds()) return;
        await clock.sleep(100);
      }
      throw new Error(`waited ${seconds} s for: ${what}`);
    },
    close: () => {
      over.abort();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return lab;
}
