// An operator at the command line: runs the bundle as a child process against real hosts, and reads
// the journals that it leaves behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Event, EventOf, EventType } from '../../src/model/run/event.ts';
import type { Lab } from './lab.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ran>;
}

/** A host of the inventory: a lab's host under a name of its own. */
export interface Member {
  readonly name: string;
  readonly lab: Lab;
  readonly host: string;
  readonly vars?: Readonly<Record<string, string>>;
}

export interface Operator {
  readonly dir: string;
  readonly inventory: string;
  /** Path of a file of the operator's own, written there. */
  readonly file: (name: string, text: string) => string;
  readonly kmend: (words: readonly string[], stdin?: string) => Promise<Ran>;
  /** `env` is added to the little that kmend's process sees. */
  readonly start: (
    words: readonly string[],
    stdin?: string,
    env?: Readonly<Record<string, string>>,
  ) => Started;
  /** Ids of all runs, the newest last. */
  readonly runs: () => readonly string[];
  /** The journal of a run (the newest by default), its chain checked here and not by kmend. */
  readonly journal: (run?: string) => readonly Event[];
  readonly close: () => void;
}

/** Path of a playbook that is shipped. */
export const playbook = (name: string): string => join(root, 'playbooks', `${name}.yaml`);

/** An operator with an inventory of these hosts and an empty state directory. */
export function operator(members: readonly Member[]): Operator {
  const dir = mkdtempSync(join(tmpdir(), 'kmend-operator-'));
  const inventory = join(dir, 'inventory.yaml');
  writeFileSync(inventory, inventoryOf(members));
  const runs = (): readonly string[] =>
    existsSync(join(dir, 'state/runs')) ? readdirSync(join(dir, 'state/runs')).toSorted() : [];
  const start: Operator['start'] = (words, stdin = '', env = {}) => begin(dir, words, stdin, env);
  return {
    dir,
    inventory,
    file: (name, text) => {
      writeFileSync(join(dir, name), text);
      return join(dir, name);
    },
    start,
    kmend: (words, stdin) => start(words, stdin).ended,
    runs,
    journal: (run = runs().at(-1) ?? 'none') =>
      readChain(join(dir, 'state/runs', run, 'journal.ndjson'), run),
    close: () => rmSync(dir, { recursive: true, force: true }),
  };
}

function begin(
  dir: string,
  words: readonly string[],
  stdin: string,
  more: Readonly<Record<string, string>>,
): Started {
  const env = {
    ...more,
    PATH: process.env.PATH,
    HOME: dir,
    KMEND_STATE_DIR: join(dir, 'state'),
    NO_COLOR: '1',
    COLUMNS: '200',
  };
  const child = spawn(process.execPath, [join(root, 'bin/kmend.mjs'), ...words], { cwd: dir, env });
  const output = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.err += text;
  });
  child.stdin.end(stdin);
  const ended = new Promise<Ran>((resolve) =>
    child.on('close', (code) => resolve({ code: code ?? -1, ...output })),
  );
  return { child, ended };
}

function inventoryOf(members: readonly Member[]): string {
  const rows = members.map(({ name, lab, host, vars }) => {
    const { address, port } = lab.hosts.find((one) => one.name === host) ?? {
      address: '',
      port: 0,
    };
    const all = {
      ansible_host: address,
      ansible_port: port,
      ansible_user: 'root',
      ansible_ssh_private_key_file: lab.key,
      ansible_ssh_common_args: `-o UserKnownHostsFile=${lab.knownHosts}`,
      reboot_stable_for: '2',
      ...vars,
    };
    return `    ${name}: ${JSON.stringify(all)}\n`;
  });
  return `all:\n  hosts:\n${rows.join('')}`;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * Every entry names the hash of the line before it; the first one names the run. A line that is just
 * being written is not read.
 */
function readChain(path: string, run: string): readonly Event[] {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  let before = sha256(`kmend journal ${run}`);
  return lines.map((line, index) => {
    const event: Event = JSON.parse(line);
    if (event.prev !== before || event.seq !== index)
      throw new Error(`${path}: entry ${index} does not follow the one before it`);
    before = sha256(line);
    return event;
  });
}

/** Events of one type, of one host where it is named. */
export function eventsOf<T extends EventType>(
  events: readonly Event[],
  type: T,
  host?: string,
): readonly EventOf<T>[] {
  const of = events.filter(
    (event) =>
      event.type === type && (host === undefined || ('host' in event && event.host === host)),
  );
  return of as unknown as readonly EventOf<T>[];
}

/**
 * What a reboot left in the journal: the boot id before, written before it was sent, and the one
 * after.
 */
export function rebootsOf(
  events: readonly Event[],
  host: string,
): readonly { readonly before: string; readonly after: string }[] {
  const done = eventsOf(events, 'effect.done', host);
  return eventsOf(events, 'effect.started', host)
    .filter((started) => started.kind === 'reboot')
    .map((started) => ({
      before: started.bootId ?? '',
      after: String(done.find((one) => one.effect === started.effect)?.result.data?.bootId ?? ''),
    }));
}

/** How a host failed. */
export const failureOf = (
  events: readonly Event[],
  host: string,
): EventOf<'host.failed'> | undefined => eventsOf(events, 'host.failed', host).at(-1);

/** Waits until the condition holds. */
export async function until(
  what: string,
  seconds: number,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  for (let tries = 0; tries < seconds * 10; tries++) {
    if (await holds()) return;
    await sleep(100);
  }
  throw new Error(`not within ${seconds} s: ${what}`);
}
