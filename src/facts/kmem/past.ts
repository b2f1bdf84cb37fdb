// The past: what earlier boots left, and whether one of them ended by the leak.
import type { Facts } from '../../model/fact.ts';
import type {
  EarlierBoot,
  EarlierSymptom,
  PastSource,
  PastVerdict,
  SourceState,
} from '../../model/facts/values.ts';
import { unknown } from '../../model/value.ts';
import { healthOf, readRelease } from './kernels.ts';
import { isCritical, specificityOf, symptomName } from './symptoms.ts';

export const pastSources: readonly PastSource[] = ['dump', 'pstore', 'journal', 'messages'];

/**
 * Symptoms this long before the end of a boot do not explain the end: the leak is slow, and a
 * refusal repeats. Our own figure.
 */
const day = 86_400;

/** A refusal within so many seconds before the end explains it by itself. Our own figure. */
const moment = 600;

/** Do the symptoms near the end explain it? */
function explains(
  lastDay: readonly EarlierSymptom[],
  lastMoment: readonly EarlierSymptom[],
): boolean {
  if (lastDay.some(({ kind }) => specificityOf(kind) === 'yes')) return true;
  const refused = ({ kind }: EarlierSymptom): boolean => specificityOf(kind) === 'at_end';
  return (
    lastMoment.some(refused) ||
    (lastDay.some(refused) && lastDay.some((other) => !refused(other) && isCritical(other.kind)))
  );
}

/**
 * The verdict about one boot. A healthy kernel writes the same lines for a container at its limit,
 * and survives.
 */
export function verdictOf({ kernel, ended, at, symptoms }: EarlierBoot): PastVerdict {
  const died = ended === 'crash' || ended === 'abrupt';
  const within = (seconds: number): readonly EarlierSymptom[] =>
    symptoms.filter((symptom) => at === 0 || symptom.at === 0 || at - symptom.at <= seconds);
  const isHealthy = healthOf(readRelease(kernel).generation) === 'healthy';
  if (died && !isHealthy && explains(within(day), within(moment))) return 'died';
  if (died) return 'died_unshown';
  return symptoms.length > 0 ? 'seen' : 'none';
}

const ranks: readonly PastVerdict[] = ['died', 'died_unshown', 'seen'];

/**
 * The facts that follow: the worst verdict of all boots, and of those the latest boot. A boot may
 * have left several records.
 */
export function judgePast(
  boots: readonly EarlierBoot[],
  sources: Readonly<Record<PastSource, SourceState>>,
): Facts {
  const rank = ranks.find((verdict) => boots.some((boot) => verdictOf(boot) === verdict));
  if (rank === undefined) {
    const nothing = { 'crash.on': '', 'crash.evidence': '' };
    return {
      'crash.verdict': whyUnread(sources) === '' ? 'none' : unknown(whyUnread(sources)),
      ...nothing,
    };
  }
  const [boot] = boots.filter((one) => verdictOf(one) === rank).toSorted((a, b) => b.at - a.at);
  return {
    'crash.verdict': rank,
    'crash.on': boot === undefined ? '' : dayOf(boot.at),
    'crash.evidence': boot === undefined ? '' : evidenceOf(boot),
  };
}

function whyUnread(sources: Readonly<Record<PastSource, SourceState>>): string {
  const states = Object.values(sources);
  if (states.some((state) => state === 'read' || state === 'cut')) return '';
  return states.includes('denied')
    ? 'the logs of earlier boots could not be read: needs root'
    : 'no log of an earlier boot is left';
}

const placeNames: Readonly<Record<PastSource, string>> = {
  dump: 'crash dump',
  pstore: 'pstore',
  journal: 'journal of an earlier boot',
  messages: '/var/log/messages',
};

const endNames: Readonly<Record<EarlierBoot['ended'], string>> = {
  crash: '',
  abrupt: ', which breaks off without a shutdown',
  planned: ', which was shut down',
  unknown: '',
};

function evidenceOf({ source, at, ended, symptoms }: EarlierBoot): string {
  const shown = [...new Set(symptoms.map(({ kind }) => symptomName(kind)))].join(', ');
  return `${placeNames[source]}${at === 0 ? '' : ` of ${timeOf(at)} UTC`}${endNames[ended]}: ${shown === '' ? 'no symptom' : shown}`;
}

const isoOf = (seconds: number): string =>
  seconds > 0 && seconds < 10_000_000_000 ? new Date(seconds * 1000).toISOString() : '';
const dayOf = (seconds: number): string => isoOf(seconds).slice(0, 10);
const timeOf = (seconds: number): string => isoOf(seconds).slice(0, 16).replace('T', ' ');
