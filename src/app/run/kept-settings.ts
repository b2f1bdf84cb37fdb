// The settings that a run stores for its resume and its rollback. Of a secret only the name is
// stored.
import { dataIn } from '../../model/shape/shape.ts';
import { isList, isMapping, type Mapping } from '../../model/value.ts';
import { absolutePaths } from '../notices/targets.ts';
import type { ReadyPlay } from '../plan/project.ts';
import { environmentVars, extraVarsOf } from '../session/extra-vars.ts';
import type { FleetFlags } from '../session/flags.ts';
import { judgeOf, keptFlags, keptFlagsShape, keptVars } from '../session/kept-flags.ts';
import type { Session } from '../session/session.ts';
import { keptPasswordFlags } from '../session/vault.ts';
import { CommandError, noSuchRun } from '../session/world.ts';

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
  const { extraVars, withheld } = keptVars([ready], session);
  const playVars = judgeOf([ready], session)(ready.setup.play.vars);
  return {
    schema: 'kmend.settings/1',
    flags: {
      ...keptFlags(absolutePaths(session.settings.flags, session.world)),
      ...keptPasswordFlags(session.settings.flags, session.world),
      inventory: inventories,
      extraVars,
    },
    play: ready.setup.play.name,
    playVars: playVars.kept,
    carriedOn: { wait: wait === true, strict: strict === true },
    withheld: [...new Set([...withheld, ...playVars.withheld])].sort(),
  };
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

export async function keptSettings(
  run: string,
  { ports, settings, world }: Session,
): Promise<KeptSettings> {
  const store = await ports.store();
  const read = await store.readFile(run, 'settings');
  if (read === undefined) throw noSuchRun(run, settings.state);
  const data = dataIn(read);
  if (!isMapping(data) || keptFlagsShape(data.flags, 'flags') !== undefined)
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
