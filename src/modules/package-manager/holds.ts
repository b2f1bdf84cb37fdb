// Lifts package pins for one transaction where the play allows it, and restores them afterwards,
// also when the transaction fails or is killed.
import { quote } from '../../model/text/quote.ts';
import { scriptText } from '../../model/text/script-text.ts';
import type { Step } from './choose.ts';
import aptLiftFile from './scripts/apt-lift.sh';
import lockFile from './scripts/lock-follows.sh';
import zypperLiftFile from './scripts/zypper-lift.sh';
import type { Manager } from './version.ts';

/**
 * Flags with which yum and dnf ignore locks and excludes for this one transaction. Nothing on disk
 * changes, so nothing can be left behind. yum 3 knows both flags; a missing plugin is only a
 * warning.
 */
export const liftFlags = (steps: readonly Step[]): string =>
  steps.some((step) => step.held === true)
    ? ' --disableexcludes=all --disableplugin=versionlock'
    : '';

const lifted = (steps: readonly Step[]): readonly Step[] =>
  steps.filter((step) => step.held === true);
const epochOf = (evr: string): string => /^(\d+):/.exec(evr)?.[1] ?? '0';
const withoutEpoch = (evr: string): string => evr.replace(/^\d+:/, '');

const lockFollows = (step: Step): string =>
  scriptText(lockFile, {
    name: quote(step.name),
    oldEpoch: epochOf(step.from),
    oldVersion: quote(withoutEpoch(step.from)),
    newEpoch: epochOf(step.to),
    newVersion: quote(withoutEpoch(step.to)),
  });

/** After a successful transaction; empty for packages that were not held. */
export const relock = (manager: Manager, steps: readonly Step[]): string =>
  manager === 'yum' || manager === 'dnf'
    ? lifted(steps)
        .filter((step) => step.from !== '' && step.to !== '')
        .map(lockFollows)
        .join('')
    : '';

const aptLift = (steps: readonly Step[]): string => {
  const held = lifted(steps);
  const stay = held.filter((step) => step.to !== '').map((step) => `-e ${quote(step.name)}`);
  return scriptText(aptLiftFile, {
    noteHolds: stay.length === 0 ? '' : `grep -Fx ${stay.join(' ')} "$log.was" > "$note"\n`,
    names: held.map((step) => quote(step.name)).join(' '),
  });
};

const zypperLift = (steps: readonly Step[]): string =>
  scriptText(zypperLiftFile, {
    names: lifted(steps)
      .map((step) => quote(step.name))
      .join(' '),
  });

/** Defines `put_back`, which also runs when the script ends, and lifts. */
export function lift(manager: Manager, steps: readonly Step[]): string {
  if (lifted(steps).length === 0 || manager === 'yum' || manager === 'dnf') return '';
  return manager === 'apt' ? aptLift(steps) : zypperLift(steps);
}
