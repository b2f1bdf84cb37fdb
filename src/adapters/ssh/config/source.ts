// Where the settings of a host come from: the parser of kmend, and OpenSSH where only it can judge.
import { dirname, join } from 'node:path';
import type { Query, SshConfig } from './config-file.ts';
import { readSshConfig } from './config-file.ts';
import { isPolicy, refusalOf, type Setting, type Settings } from './keywords.ts';
import { createOpenSsh, isUsualConfig, type OpenSsh } from './openssh.ts';

export interface SourceOptions {
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's file. The empty string: none. */
  readonly configFile: string;
  /** The file of the machine. The empty string: none. */
  readonly systemFile: string;
  /** Receives what is reported and not used. */
  readonly warn: (text: string) => void;
}

export type Looked =
  | { readonly ok: true; readonly settings: Settings }
  /** Why the host cannot be reached as OpenSSH would. */
  | { readonly ok: false; readonly problem: string };

/** @param user login user of the inventory, for `Match user` */
export type LookUp = (query: Query, user: string | undefined) => Promise<Looked>;

/** Settings by the usual files, or by the one file that `-F` names. It throws for a broken file. */
export type Sources = (configFile?: string) => LookUp;

/** Seconds for one call of OpenSSH, which may run `Match exec` and look names up. */
const timeout = 10;

export function createSources(options: SourceOptions): Sources {
  const made = new Map<string, LookUp>();
  return (file) => {
    const id = file ?? '';
    const known = made.get(id) ?? lookUpIn(options, file);
    made.set(id, known);
    return known;
  };
}

interface Source {
  readonly config: SshConfig;
  readonly openSsh: OpenSsh;
  /** Files that OpenSSH did not read. */
  readonly rest: SshConfig;
  readonly warn: (text: string) => void;
  /** Settings of the machine's file are not reported: whoever runs kmend did not write them. */
  readonly systemFolder: string;
}

function lookUpIn(options: SourceOptions, chosen: string | undefined): LookUp {
  const { home, env, systemFile, warn } = options;
  const userFile = chosen ?? options.configFile;
  const isNone = userFile === '' || userFile.toLowerCase() === 'none';
  const user = isNone ? [] : [{ path: userFile, base: join(home, '.ssh'), isOwn: true }];
  const system =
    chosen !== undefined || systemFile === ''
      ? []
      : [{ path: systemFile, base: dirname(systemFile), isOwn: false }];
  // OpenSSH reads its own files whatever HOME says. It gets another file by `-F`.
  const isUsual = isUsualConfig(userFile, systemFile);
  const own = isUsual && chosen === undefined;
  const source: Source = {
    config: readSshConfig([...user, ...system], home),
    rest: readSshConfig(own ? [] : system, home),
    openSsh: createOpenSsh({
      env,
      timeout,
      ...(own ? {} : { configFile: isNone ? 'none' : userFile }),
    }),
    warn,
    systemFolder: systemFile === '' ? '' : `${dirname(systemFile)}/`,
  };
  return async (query, login) => {
    const found = await complete(source, query, login);
    return found.ok ? examined(source, found.settings) : found;
  };
}

async function complete(source: Source, query: Query, user: string | undefined): Promise<Looked> {
  const found = source.config.lookup(query);
  if (found.unsure === undefined) return { ok: true, settings: found.settings };
  const problem = (why: string): Looked => ({
    ok: false,
    problem: `${found.unsure} needs OpenSSH itself to judge it: ${why}`,
  });
  const answer = await source.openSsh.settingsOf(query, user);
  if (!answer.ok) return problem(answer.problem);
  const placed = [...answer.settings].map(([keyword, setting]): [string, Setting] => [
    keyword,
    { ...setting, ...namedIn(source.config, setting) },
  ]);
  const all = source.rest.lookup({ ...query, before: new Map(placed) });
  return all.unsure === undefined
    ? { ok: true, settings: all.settings }
    : problem(`HOME is not the home directory of this user, so ssh does not read ${all.unsure}`);
}

/** The place of a setting that OpenSSH printed. */
function namedIn(config: SshConfig, { keyword, values, place }: Setting): { place: string } {
  return { place: (place === 'ssh -G' ? config.placeOf(keyword, values) : undefined) ?? place };
}

/** Refuses the first setting that would be needed and cannot be followed. */
function examined({ warn, systemFolder }: Source, settings: Settings): Looked {
  for (const setting of settings.values()) {
    const { keyword, place, written } = setting;
    const problem = refusalOf(setting);
    if (problem !== undefined) return { ok: false, problem };
    const isSystem = systemFolder !== '' && place.startsWith(systemFolder);
    if (isPolicy(keyword) && !isSystem)
      warn(`${place}: ${written} is not used: kmend has algorithms of its own`);
  }
  return { ok: true, settings };
}
