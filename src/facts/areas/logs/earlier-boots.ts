// Earlier boots: turns the lines of the crash area's script into boots with symptoms, times and
// ends.

import type {
  EarlierBoot,
  EarlierSymptom,
  PastSource,
  SourceState,
} from '../../../model/facts/values.ts';
import { type Fields, wholeNumber, wordsOf } from '../../fields.ts';
import { pastSources } from '../../kmem/past.ts';
import { kernelSymptom } from '../../kmem/symptoms.ts';
import { type Dating, dumpTime, timeOf, zoneOf } from './log-time.ts';

/** Number of boots that are kept. The kinds of symptoms are a fixed number. */
const mostBoots = 16;

/** Records of pstore within so many seconds are parts of one crash. */
const onePanic = 120;

interface Draft {
  readonly source: PastSource;
  readonly name: string;
  /** `COUNT TIME LINE`. */
  readonly signs: string[];
  ran: string;
  /** `TIME LINE`. */
  last: string;
  end: string;
}

/** The boots before this one, the newest first. */
export function readBoots(text: string, fields: Fields): readonly EarlierBoot[] {
  const [now = '', zone = ''] = wordsOf(fields.text('now'));
  const began = (wholeNumber(now) ?? 0) - fields.number('up');
  const boots = draftsIn(text).flatMap((draft) =>
    bootOf(draft, zoneOf(zone), began, fields.text('kernel')),
  );
  return partsMerged(boots)
    .toSorted((a, b) => b.at - a.at)
    .slice(0, mostBoots);
}

function draftsIn(text: string): readonly Draft[] {
  const drafts: Draft[] = [];
  for (const line of text.split('\n')) {
    const [, key = '', rest = ''] = /^(log|ran|sign|last|end) (.*)$/s.exec(line) ?? [];
    const draft = drafts.at(-1);
    if (key === 'log') {
      const source = pastSources.find((name) => rest.startsWith(`${name} `));
      if (source !== undefined)
        drafts.push({
          source,
          name: rest.slice(source.length + 1),
          signs: [],
          ran: '',
          last: '',
          end: '',
        });
    } else if (key === 'sign') draft?.signs.push(rest);
    else if (key === 'ran' && draft !== undefined) draft.ran = rest;
    else if (key === 'last' && draft !== undefined) draft.last = rest;
    else if (key === 'end' && draft !== undefined) draft.end = rest;
  }
  return drafts;
}

/** Seconds that clocks may differ by around a boot. */
const slack = 60;

/**
 * The boot of a log, or `undefined` for the log of this boot. A file with lines of earlier boots
 * and of this one counts as an earlier boot without an end.
 */
function bootOf(
  draft: Draft,
  zone: number,
  began: number,
  running: string,
): readonly EarlierBoot[] {
  const { source, name } = draft;
  const [, fileTime = '0', lastLine = ''] = /^(\d+) (.*)$/s.exec(draft.last) ?? [];
  const written = source === 'dump' ? dumpTime(name, Number(fileTime), zone) : Number(fileTime);
  const dating: Dating = { source, fileTime: written, lastLine, zone };
  const at = timeOf(lastLine, dating);
  const symptoms = symptomsOf(draft.signs, dating);
  // A log without a kernel version counts as one of the running kernel.
  const kernel = draft.ran || running;
  const place =
    source === 'journal'
      ? { place: 'journal', boot: name, kernel }
      : { place: name, boot: '', kernel };
  if (draft.end !== 'open' || source !== 'messages' || (at > 0 && at < began - slack))
    return [{ source, ...place, at, ended: endOf(draft), symptoms }];
  const earlier = symptoms.filter((symptom) => symptom.at > 0 && symptom.at < began - slack);
  if (earlier.length === 0) return [];
  return [
    {
      source,
      ...place,
      at: Math.max(...earlier.map((symptom) => symptom.at)),
      ended: 'unknown',
      symptoms: earlier,
    },
  ];
}

/**
 * How the boot ended. `planned` also means, for records of pstore: a reboot, or an oops that the
 * kernel survived. `open` is the last of all logs.
 */
function endOf({ source, end }: Draft): EarlierBoot['ended'] {
  if (source === 'dump') return 'crash';
  if (source === 'pstore') return end === 'planned' ? 'unknown' : 'crash';
  if (end === 'planned') return 'planned';
  return end === 'gone' || (end === 'open' && source === 'journal') ? 'abrupt' : 'unknown';
}

/** The last line of each kind of symptom, and the number of lines. */
function symptomsOf(signs: readonly string[], dating: Dating): readonly EarlierSymptom[] {
  const found = new Map<EarlierSymptom['kind'], EarlierSymptom>();
  for (const sign of signs) {
    const [, count = '', fileTime = '', line = ''] = /^(\d+) (\d+) (.*)$/s.exec(sign) ?? [];
    const kind = kernelSymptom(line);
    if (kind === undefined) continue;
    const at = timeOf(
      line,
      dating.source === 'dump' ? dating : { ...dating, fileTime: Number(fileTime) },
    );
    found.set(kind, {
      kind,
      count: Math.max(Number(count), found.get(kind)?.count ?? 0),
      at,
      line: line.trim().slice(0, 200),
    });
  }
  return [...found.values()];
}

/** Firmware stores a crash in several small records. This merges them. */
function partsMerged(boots: readonly EarlierBoot[]): readonly EarlierBoot[] {
  const merged: EarlierBoot[] = [];
  let record = -1;
  for (const boot of boots.toSorted((a, b) => a.at - b.at)) {
    const last = merged[record];
    if (boot.source !== 'pstore') merged.push(boot);
    else if (last === undefined || boot.at - last.at > onePanic) record = merged.push(boot) - 1;
    else
      merged[record] = {
        ...last,
        at: boot.at,
        ended: worse(last.ended, boot.ended),
        symptoms: sum(last.symptoms, boot.symptoms),
      };
  }
  return merged;
}

const worse = (a: EarlierBoot['ended'], b: EarlierBoot['ended']): EarlierBoot['ended'] =>
  a === 'crash' ? a : b;

function sum(
  a: readonly EarlierSymptom[],
  b: readonly EarlierSymptom[],
): readonly EarlierSymptom[] {
  const both = new Map(a.map((symptom) => [symptom.kind, symptom]));
  for (const symptom of b)
    both.set(symptom.kind, {
      ...symptom,
      count: symptom.count + (both.get(symptom.kind)?.count ?? 0),
    });
  return [...both.values()];
}

/** State of each source: read, not readable, or not read completely. */
export function sourcesOf(fields: Fields): Readonly<Record<PastSource, SourceState>> {
  const [read, denied, cut] = ['read', 'denied', 'cut'].map((key) => new Set(fields.all(key)));
  const state = (source: PastSource): SourceState => {
    if (cut?.has(source)) return 'cut';
    if (read?.has(source)) return 'read';
    return denied?.has(source) ? 'denied' : 'absent';
  };
  return {
    dump: state('dump'),
    pstore: state('pstore'),
    journal: state('journal'),
    messages: state('messages'),
  };
}
