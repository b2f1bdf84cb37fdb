// The settings that a run stores for its resume and its rollback. The value of a secret is never stored; its name is.
import { resolve } from 'node:path';
import { type KeptVars, namesUnderNoLog, withoutSecrets } from '../../core/plan/kept-vars.ts';
import { dataIn, listOf, object, text } from '../../model/shape/shape.ts';
import { isList, isMapping, type Mapping } from '../../model/value.ts';
import type { ReadyPlay } from '../plan/project.ts';
import { environmentVars, extraVarsOf } from '../session/extra-vars.ts';
import type { FleetFlags } from '../session/flags.ts';
import type { Settings } from '../session/settings.ts';
import { CommandError, type World } from '../session/world.ts';

/** Variables that are, or may be, secret must be given again, and passwords of `-k` and `-K` are asked for again. Of `-e @FILE` only the path is kept. */
export function settingsToKeep(ready: ReadyPlay, inventories: readonly string[], set: Settings, world: World): object {
  const { extraVars = [], json: _json, ...flags } = set.flags;
  const judge = judgeOf([ready], set, world);
  const words = [...environmentVars(world), ...extraVars].map((word) => keptWord(word, judge, world));
  const playVars = judge(ready.setup.play.vars);
  return {
    schema: 'kmend.settings/1',
    flags: { ...flags, inventory: inventories, extraVars: words.flatMap(({ word }) => (word === undefined ? [] : [word])) },
    play: ready.setup.play.name,
    playVars: playVars.kept,
    withheld: [...new Set([...words.flatMap(({ withheld }) => withheld), ...playVars.withheld])].sort(),
  };
}

type Judge = (vars: Mapping) => KeptVars;

function judgeOf(plays: readonly ReadyPlay[], set: Settings, world: World): Judge {
  const hidden = plays.map(({ setup: { play }, inventoryVars }) => namesUnderNoLog(play, [set.extraVars, play.vars, ...inventoryVars]));
  return (vars) => withoutSecrets(vars, (name) => hidden.some((names) => names.has(name)) || set.isSecret(name), world.secrets.mask);
}

/** The `-e` words of a command line as they may be printed, and the names of what may not. */
export function printableVars(
  plays: readonly ReadyPlay[],
  set: Settings,
  world: World,
): { readonly words: readonly string[]; readonly withheld: readonly string[] } {
  const judge = judgeOf(plays, set, world);
  const kept = (set.flags.extraVars ?? []).map((word) => keptWord(word, judge, world));
  return { words: kept.flatMap(({ word }) => word ?? []), withheld: kept.flatMap(({ withheld }) => withheld) };
}

interface KeptWord {
  readonly word?: string;
  readonly withheld: readonly string[];
}

function keptWord(word: string, judge: Judge, world: World): KeptWord {
  // What a pipe printed (`-e @<(...)`) cannot be read again.
  if (word === '@-') return { withheld: Object.keys(extraVarsOf([word], world)) };
  if (word.startsWith('@/dev/') || word.startsWith('@/proc/')) return { withheld: [word] };
  if (word.startsWith('@')) return { word: `@${resolve(world.cwd, word.slice(1))}`, withheld: [] };
  const { kept, withheld } = judge(extraVarsOf([word], world));
  return { ...(Object.keys(kept).length === 0 ? {} : { word: JSON.stringify(kept) }), withheld };
}

export interface KeptSettings {
  /** With the `-e` words that can be given again. */
  readonly flags: FleetFlags & { readonly extraVars: readonly string[] };
  readonly playVars: Mapping;
  /** Variables that are not kept, and files of variables that cannot be read any more. */
  readonly withheld: readonly string[];
}

const flagsShape = object(
  {},
  { inventory: listOf(text), extraVars: listOf(text), limit: text, stateDir: text, forks: text, timeout: text },
);

export function keptSettings(run: string, stateDir: string, world: World): KeptSettings {
  const directory = `${stateDir}/runs/${run}`;
  const read = world.reader.readText(`${directory}/settings.json`);
  if (!read.ok) throw new CommandError(3, `there is no run ${run} under ${stateDir}`, 'kmend runs lists them');
  const data = dataIn(read.text);
  if (!isMapping(data) || flagsShape(data.flags, 'flags') !== undefined)
    throw new CommandError(1, `the settings of run ${run} are damaged`, `see ${directory}/settings.json`);
  const flags = data.flags as FleetFlags;
  const words = flags.extraVars ?? [];
  const gone = words.filter((word) => word.startsWith('@') && !world.reader.readText(word.slice(1)).ok);
  const withheld = isList(data.withheld) ? data.withheld.map(String) : [];
  return {
    flags: { ...flags, extraVars: words.filter((word) => !gone.includes(word)) },
    playVars: isMapping(data.playVars) ? data.playVars : {},
    withheld: [...withheld, ...gone],
  };
}

/** Names of `withheld` that nobody has given again. */
export const stillMissing = ({ withheld }: KeptSettings, extraVars: Mapping): readonly string[] =>
  withheld.filter((name) => !Object.hasOwn(extraVars, name));

/** Said before the command goes on: without them it may find a name that is not defined. */
export function warnMissing(run: string, kept: KeptSettings, extraVars: Mapping, world: World): void {
  const names = stillMissing(kept, extraVars);
  if (names.length > 0)
    world.err(
      `warning: of run ${run} these variables were not kept, because they may be secret: ${names.join(', ')}; give with -e those that are needed`,
    );
}

/** What has to be added to the commands that kmend prints for this run, where something has. */
export function neededAgain(run: string, stateDir: string, world: World): readonly string[] {
  if (!world.reader.readText(`${stateDir}/runs/${run}/settings.json`).ok) return [];
  const missing = stillMissing(keptSettings(run, stateDir, world), extraVarsOf(environmentVars(world), world));
  return missing.length === 0
    ? []
    : [`add to resume and rollback of it -e @FILE with what is not kept, because it may be secret: ${missing.join(', ')}`];
}
