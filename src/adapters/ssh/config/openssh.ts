// Asks OpenSSH itself (`ssh -G`) for the settings of a host, where a condition applies that only it
// can judge. It costs a process a host.
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { createSlots } from '../../../engine/session/slots.ts';
import { oneLine } from '../../../model/text/printable.ts';
import { endGroup, startGroup } from '../program/child-group.ts';
import type { Query } from './config-file.ts';
import type { Setting, Settings } from './keywords.ts';

export interface OpenSshOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `-F`, where not the files of OpenSSH itself are read. */
  readonly configFile?: string;
  /** Seconds. */
  readonly timeout: number;
}

export type Answered =
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly problem: string };

export interface OpenSsh {
  /** The settings that differ from OpenSSH's defaults. Each host is asked for once. */
  readonly settingsOf: (query: Query, user: string | undefined) => Promise<Answered>;
  /** What `ssh` with these arguments and `-G` prints. Each is asked for until there is an answer. */
  readonly print: (args: readonly string[]) => Promise<Printed>;
}

/** Processes at the same time. */
const atOnce = 8;
/** Bytes: `ssh -G` prints a few kilobytes. */
const longest = 1024 * 1024;

type Lines = ReadonlyMap<string, readonly string[]>;
export type Printed =
  | { readonly ok: true; readonly lines: Lines }
  | Extract<Answered, { ok: false }>;

/** Commands are read by nobody here, and may hold what no process list should show. */
const commands = new Set(['proxycommand', 'localcommand', 'remotecommand', 'knownhostscommand']);

export function createOpenSsh(options: OpenSshOptions): OpenSsh {
  const slots = createSlots(atOnce);
  const known = new Map<string, Promise<Printed>>();
  const ask = (args: readonly string[]): Promise<Printed> => {
    const id = JSON.stringify(args);
    const asked = known.get(id) ?? askOnce(args, id);
    known.set(id, asked);
    return asked;
  };
  const askOnce = async (args: readonly string[], id: string): Promise<Printed> => {
    const free = await slots.take();
    try {
      const printed = await run(args, options);
      // The configuration may be corrected meanwhile.
      if (!printed.ok) known.delete(id);
      return printed;
    } finally {
      free?.();
    }
  };
  return {
    print: ask,
    settingsOf: async (query, user) => {
      const [alias = '', address] = query.names;
      const strange = query.names.find((name) => !/^[^-\s@/][^\s@/]*$/.test(name));
      if (strange !== undefined)
        return { ok: false, problem: `ssh takes no host called ${JSON.stringify(strange)}` };
      const file = options.configFile === undefined ? [] : ['-F', options.configFile];
      const common = [...file, ...(user === undefined ? [] : ['-l', user]), ...given(query.before)];
      const asAlias = address === undefined ? [] : ['-o', `HostName=${address}`];
      const [defaults, first, second] = await Promise.all([
        ask(['-F', 'none', '-G', '--', 'kmend-defaults']),
        ask([...common, ...asAlias, '-G', '--', alias]),
        address === undefined ? undefined : ask([...common, '-G', '--', address]),
      ]);
      if (!defaults.ok) return defaults;
      if (!first.ok) return first;
      if (second?.ok === false) return second;
      const settings = new Map<string, Setting>(query.before);
      for (const { lines } of second === undefined ? [first] : [first, second])
        for (const [keyword, values] of lines)
          if (
            !settings.has(keyword) &&
            !query.ignore.has(keyword) &&
            !isUsual(keyword, values, defaults.lines, query)
          )
            settings.set(keyword, { keyword, written: keyword, values, place: 'ssh -G' });
      return { ok: true, settings: oneWay(settings) };
    },
  };
}

const given = (before: Settings): readonly string[] =>
  [...before.values()]
    .filter(({ keyword }) => !commands.has(keyword))
    .flatMap(({ written, values }) => values.flatMap((value) => ['-o', `${written}=${value}`]));

/** It is a default, or what was asked for. */
function isUsual(keyword: string, values: readonly string[], defaults: Lines, query: Query) {
  if (keyword === 'host' || keyword === 'canonicalizehostname') return true;
  if (keyword === 'hostname') return query.address !== undefined || values[0] === query.names[0];
  return JSON.stringify(values) === JSON.stringify(defaults.get(keyword));
}

/** The two names of a host may have a way each: the first one counts. */
function oneWay(settings: Map<string, Setting>): Settings {
  const ways = [...settings.keys()].filter((key) => key === 'proxyjump' || key === 'proxycommand');
  for (const key of ways.slice(1)) settings.delete(key);
  return settings;
}

/** Keywords whose line has several values. */
const lists = new Set(['userknownhostsfile', 'globalknownhostsfile']);

function parse(text: string): Lines {
  const lines = new Map<string, readonly string[]>();
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    if (space < 0) continue;
    const [keyword, value] = [line.slice(0, space).toLowerCase(), line.slice(space + 1)];
    lines.set(keyword, [
      ...(lines.get(keyword) ?? []),
      ...(lists.has(keyword) ? value.split(' ') : [value]),
    ]);
  }
  return lines;
}

/** These are the files that OpenSSH reads by itself: those of the account, whatever HOME says. */
export const isUsualConfig = (userFile: string, systemFile: string): boolean =>
  userFile === join(accountHome() ?? '', '.ssh', 'config') && systemFile === '/etc/ssh/ssh_config';

function accountHome(): string | undefined {
  try {
    return userInfo().homedir;
  } catch {
    return undefined;
  }
}

function run(args: readonly string[], { env, timeout }: OpenSshOptions): Promise<Printed> {
  return new Promise((resolve) => {
    const child = startGroup('ssh', args, { ...env, LC_ALL: 'C' });
    let [stdout, stderr] = ['', ''];
    const end = (result: Printed): void => {
      clearTimeout(timer);
      endGroup(child);
      resolve(result);
    };
    const timer = setTimeout(
      () => end({ ok: false, problem: `ssh -G did not answer within ${timeout} s` }),
      timeout * 1000,
    );
    child.stdin.end();
    child.stdout.on('data', (chunk: Buffer) => {
      stdout = (stdout + chunk.toString('utf8')).slice(0, longest);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString('utf8')).slice(0, 2000);
    });
    child.once('error', (error: NodeJS.ErrnoException) =>
      end({
        ok: false,
        problem: error.code === 'ENOENT' ? 'ssh is not installed here' : `ssh -G: ${error.message}`,
      }),
    );
    child.once('close', (code) =>
      end(
        code === 0
          ? { ok: true, lines: parse(stdout) }
          : {
              ok: false,
              problem: `ssh -G: ${oneLine(stderr.split('\n')[0] ?? '', 300) || `exit status ${code}`}`,
            },
      ),
    );
  });
}
