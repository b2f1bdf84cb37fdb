// Flags and variables of a command that may be kept for another process: of a secret only the name.
import { resolve } from 'node:path';
import { type KeptVars, namesUnderNoLog, withoutSecrets } from '../../core/plan/kept-vars.ts';
import type { PlaySetup } from '../../engine/host/walk-context.ts';
import { flag, listOf, number, object, type Shape, text } from '../../model/shape/shape.ts';
import type { Mapping } from '../../model/value.ts';
import { environmentVars, extraVarsOf } from './extra-vars.ts';
import type { FleetFlags } from './flags.ts';
import type { Session } from './session.ts';
import type { Surroundings } from './world.ts';

/** A play, as far as it says which variables are secret. */
export interface JudgedPlay {
  readonly setup: Pick<PlaySetup, 'play'>;
  /** Variables of its hosts, not rendered. */
  readonly inventoryVars: readonly Mapping[];
}

type Judge = (vars: Mapping) => KeptVars;

export function judgeOf(plays: readonly JudgedPlay[], { settings, world }: Session): Judge {
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

/** `-e` arguments that may be kept and shown, and the names of variables that may not. */
export interface KeptWords {
  readonly extraVars: readonly string[];
  readonly withheld: readonly string[];
}

/** The arguments of the command. */
export const printableVars = (plays: readonly JudgedPlay[], session: Session): KeptWords =>
  keptWords(session.settings.flags.extraVars ?? [], plays, session);

/** With the variables of the environment. */
export const keptVars = (plays: readonly JudgedPlay[], session: Session): KeptWords =>
  keptWords(
    [...environmentVars(session.world), ...(session.settings.flags.extraVars ?? [])],
    plays,
    session,
  );

function keptWords(
  words: readonly string[],
  plays: readonly JudgedPlay[],
  session: Session,
): KeptWords {
  const judge = judgeOf(plays, session);
  const kept = words.map((word) => keptWord(word, judge, session));
  return {
    extraVars: kept.flatMap(({ word }) => word ?? []),
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

/** The flags that are kept: all that say which hosts there are, and how they are reached. */
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
  becomePasswordFile: text,
  connectionPasswordFile: text,
  vaultId: listOf(text),
  vaultPasswordFile: listOf(text),
  askVaultPass: flag,
  sshCommonArgs: text,
  sshExtraArgs: text,
  sshArgs: text,
  sshProgram: text,
  pkcs11Provider: text,
  port: text,
  connection: text,
  hostKeyChecking: flag,
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
export const keptFlags = (flags: FleetFlags): FleetFlags =>
  Object.fromEntries(Object.entries(flags).filter(([name]) => Object.hasOwn(flagShapes, name)));

export const keptFlagsShape: Shape = object({}, flagShapes);
