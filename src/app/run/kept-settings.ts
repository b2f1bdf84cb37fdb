// The settings that a run stores for its resume and its rollback. Of a secret only the name is
// stored.
import { resolve } from 'node:path';
import { type KeptVars, namesUnderNoLog, withoutSecrets } from '../../core/plan/kept-vars.ts';
import { dataIn, flag, listOf, number, object, type Shape, text } from '../../model/shape/shape.ts';
import { isList, isMapping, type Mapping } from '../../model/value.ts';
import { absolutePaths } from '../notices/targets.ts';
import type { ReadyPlay } from '../plan/project.ts';
import { environmentVars, extraVarsOf } from '../session/extra-vars.ts';
import type { FleetFlags } from '../session/flags.ts';
import type { Session } from '../session/session.ts';
import { CommandError, noSuchRun, type Surroundings } from '../session/world.ts';

/**
 * Variables that are, or may be, secret must be given again, and passwords of `-k` and `-K` are
 * asked for again. Of `-e @FILE` only the path is kept.
 */
export function settingsToKeep(
  ready: ReadyPlay,
  inventories: readonly string[],
  { wait, strict }: CarriedOn,
  session: Session,
): object {
  const { extraVars = [] } = session.settings.flags;
  const judge = judgeOf([ready], session);
  const words = [...environmentVars(session.world), ...extraVars].map((word) =>
    keptWord(word, judge, session),
  );
  const playVars = judge(ready.setup.play.vars);
  return {
    schema: 'kmend.settings/1',
    flags: {
      ...keptFlags(absolutePaths(session.settings.flags, session.world)),
      inventory: inventories,
      extraVars: words.flatMap(({ word }) => (word === undefined ? [] : [word])),
    },
    play: ready.setup.play.name,
    playVars: playVars.kept,
    carriedOn: { wait: wait === true, strict: strict === true },
    withheld: [
      ...new Set([...words.flatMap(({ withheld }) => withheld), ...playVars.withheld]),
    ].sort(),
  };
}

type Judge = (vars: Mapping) => KeptVars;

function judgeOf(plays: readonly ReadyPlay[], { settings, world }: Session): Judge {
  const hidden = plays.map(({ setup: { play }, inventoryVars }) =>
    namesUnderNoLog(play, [settings.extraVars, play.vars, ...inventoryVars]),
  );
  return (vars) =>
    withoutSecrets(
      vars,
      (name) => hidden.some((names) => names.has(name)) || settings.isSecret(name),
      world.secrets.mask,
    );
}

/** The `-e` arguments that may be printed, and the names of variables that may not. */
export function printableVars(
  plays: readonly ReadyPlay[],
  session: Session,
): { readonly words: readonly string[]; readonly withheld: readonly string[] } {
  const judge = judgeOf(plays, session);
  const kept = (session.settings.flags.extraVars ?? []).map((word) =>
    keptWord(word, judge, session),
  );
  return {
    words: kept.flatMap(({ word }) => word ?? []),
    withheld: kept.flatMap(({ withheld }) => withheld),
  };
}

interface KeptWord {
  readonly word?: string;
  readonly withheld: readonly string[];
}

function keptWord(word: string, judge: Judge, around: Surroundings): KeptWord {
  // What a pipe printed (`-e @<(...)`) cannot be read again.
  if (word === '@-') return { withheld: Object.keys(extraVarsOf([word], around)) };
  if (word.startsWith('@/dev/') || word.startsWith('@/proc/')) return { withheld: [word] };
  if (word.startsWith('@'))
    return { word: `@${resolve(around.world.cwd, word.slice(1))}`, withheld: [] };
  const { kept, withheld } = judge(extraVarsOf([word], around));
  return { ...(Object.keys(kept).length === 0 ? {} : { word: JSON.stringify(kept) }), withheld };
}

/**
 * Flags of the command that began a run which also a worker obeys that carries it on. A resume by an
 * operator has its own.
 */
export interface CarriedOn {
  readonly wait?: boolean;
  readonly strict?: boolean;
}

export interface KeptSettings {
  /** With the `-e` arguments that can be used again. */
  readonly flags: FleetFlags & { readonly extraVars: readonly string[] };
  readonly playVars: Mapping;
  readonly carriedOn: CarriedOn;
  /** Names of variables that are not kept, and files of variables that are not readable now. */
  readonly withheld: readonly string[];
}

/** The flags that a run keeps: all that say which hosts it has, and how they are reached. */
const flagShapes: Readonly<Record<Exclude<keyof FleetFlags, 'json' | 'quiet'>, Shape>> = {
  inventory: listOf(text),
  limit: text,
  extraVars: listOf(text),
  secrets: listOf(text),
  forks: text,
  user: text,
  privateKey: text,
  askPass: flag,
  become: flag,
  becomeUser: text,
  becomeMethod: text,
  askBecomePass: flag,
  sshCommonArgs: text,
  timeout: text,
  kubeconfig: text,
  context: text,
  state: text,
  stateDir: text,
  auditForward: text,
  metricsFile: text,
  notifyUrlFile: text,
  notifyCommand: text,
  notifyMail: text,
  notifyOn: listOf(text),
  notifyText: text,
  verbose: number,
  job: text,
};

/**
 * A yes, a takeover or the tags of one command must never speak for another: they are not kept, and
 * not read where an older version kept them.
 */
const keptFlags = (flags: FleetFlags): FleetFlags =>
  Object.fromEntries(Object.entries(flags).filter(([name]) => Object.hasOwn(flagShapes, name)));

export async function keptSettings(
  run: string,
  { ports, settings, world }: Session,
): Promise<KeptSettings> {
  const store = await ports.store();
  const read = await store.readFile(run, 'settings');
  if (read === undefined) throw noSuchRun(run, settings.state);
  const data = dataIn(read);
  if (!isMapping(data) || object({}, flagShapes)(data.flags, 'flags') !== undefined)
    throw new CommandError(
      1,
      `the settings of run ${run} are damaged`,
      `see ${store.placeOf(run, 'settings')}`,
    );
  const flags = keptFlags(data.flags as FleetFlags);
  const words = flags.extraVars ?? [];
  const gone = words.filter(
    (word) => word.startsWith('@') && !world.reader.readText(word.slice(1)).ok,
  );
  const withheld = isList(data.withheld) ? data.withheld.map(String) : [];
  return {
    flags: { ...flags, extraVars: words.filter((word) => !gone.includes(word)) },
    playVars: isMapping(data.playVars) ? data.playVars : {},
    carriedOn: { wait: isOn(data.carriedOn, 'wait'), strict: isOn(data.carriedOn, 'strict') },
    withheld: [...withheld, ...gone],
  };
}

const isOn = (flags: unknown, name: string): boolean => isMapping(flags) && flags[name] === true;

/** Names of `withheld` that were not given again. */
export const stillMissing = ({ withheld }: KeptSettings, extraVars: Mapping): readonly string[] =>
  withheld.filter((name) => !Object.hasOwn(extraVars, name));

/** Warns before the command goes on, since a template may need one of them. */
export function reportMissing(
  run: string,
  kept: KeptSettings,
  { settings, observer }: Session,
): void {
  const names = stillMissing(kept, settings.extraVars);
  if (names.length > 0)
    observer.notice(
      `of run ${run} these variables were not kept, because they may be secret: ${names.join(', ')}; give with -e those that are needed`,
      'warning',
    );
}

/** Names of variables that a resume or a rollback of this run has to be given again. */
export async function withheldOf(run: string, session: Session): Promise<readonly string[]> {
  const store = await session.ports.store();
  if ((await store.readFile(run, 'settings')) === undefined) return [];
  return stillMissing(
    await keptSettings(run, session),
    extraVarsOf(environmentVars(session.world), session),
  );
}
