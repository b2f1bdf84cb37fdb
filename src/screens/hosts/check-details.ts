// Lines below the table of `kmend check`: hosts whose cgroup ids run out, and with -v the evidence of
// each verdict.
import { type Facts, known, type NameOf } from '../../model/fact.ts';
import type { Texts } from '../../model/facts/row.ts';
import type { EarlierBoot, PartRow, PastVerdict, SampleCounts } from '../../model/facts/values.ts';
import { isUnknown } from '../../model/value.ts';
import { duration, fold, type Paint, plural, table, utcTime } from '../layout.ts';
import type { CheckRow } from './check-table.ts';

const grouped = (value: number): string => value.toLocaleString('en');

/** The most hosts that are listed; the others are counted. */
const mostHosts = 20;

/** A line for each host whose dead groups grow, ordered by when its ids run out. */
export function idLines(rows: readonly CheckRow[], width: number, paint: Paint): readonly string[] {
  const growing = rows
    .flatMap(({ host, facts }) =>
      facts !== undefined && known(facts, 'kmem.ids.growth_per_day', 0) > 0
        ? [{ host, facts }]
        : [],
    )
    .toSorted((a, b) => daysLeft(a.facts) - daysLeft(b.facts));
  if (growing.length === 0) return [];
  const shown = growing
    .slice(0, mostHosts)
    .map(({ host, facts }) => [
      `  ${host}`,
      [idText(facts), slabText(facts)].filter(Boolean).join('; '),
    ]);
  const rest = growing.length - mostHosts;
  return [
    paint.bold('cgroup ids'),
    ...table(shown, width),
    ...(rest > 0 ? [`  and ${plural(rest, 'more host')} whose dead groups grow`] : []),
  ];
}

const daysLeft = (facts: Facts): number => known(facts, 'kmem.ids.days_left', 99_999);

/**
 * `31,612 of 65,534 in use, about 31,400 by dead groups; +1,850 a day (measured over 6h): full
 * about 2026-12-14`.
 */
function idText(facts: Facts): string {
  const { 'kmem.ids.used': used, 'kmem.ids.dead': dead, 'kmem.ids.growth_per_day': growth } = facts;
  if (typeof used !== 'number' || typeof dead !== 'number')
    return isUnknown(used) ? `not known: ${used.$unknown}` : 'not known';
  const now = `${grouped(used)} of 65,534 in use, about ${grouped(dead)} by dead groups`;
  if (typeof growth !== 'number')
    return isUnknown(growth) ? `${now}; growth not known: ${growth.$unknown}` : now;
  const rate = `${growth < 0 ? '-' : '+'}${grouped(Math.abs(growth))} a day (measured over ${duration(known(facts, 'kmem.ids.over', 0))})`;
  return `${now}; ${rate}${whenFull(facts, growth)}`;
}

function whenFull(facts: Facts, growth: number): string {
  if (growth <= 0) return '';
  const day = facts['kmem.ids.full_on'];
  if (isUnknown(day)) return `: ${day.$unknown}`;
  return typeof day === 'string' && day !== '' ? `: full about ${day}` : '';
}

/** `SUnreclaim 353 MiB, +12 MiB a day`: a trend, because no critical level is known. */
function slabText({
  'memory.sunreclaim_kb': now,
  'memory.sunreclaim_per_day': growth,
}: Facts): string {
  if (typeof now !== 'number') return '';
  const rate =
    typeof growth === 'number'
      ? `, ${growth < 0 ? '-' : '+'}${mebibytes(Math.abs(growth))} a day`
      : '';
  return `SUnreclaim ${mebibytes(now)}${rate}`;
}

const mebibytes = (kilobytes: number): string =>
  kilobytes < 10_240 ? `${grouped(kilobytes)} KiB` : `${grouped(Math.round(kilobytes / 1024))} MiB`;

/** With -v: the evidence of the verdict, and details of the remedy. */
export function hostDetails(row: CheckRow, width: number, paint: Paint): readonly string[] {
  const { facts } = row;
  if (facts === undefined) return [];
  const lines = [
    ...groupText(known(facts, 'kmem.samples', {})),
    ...partsText(facts),
    `cgroup ids: ${idText(facts)}`,
    ...[slabText(facts)].filter(Boolean),
    ...earlierProbe(row),
    ...logText(facts),
    ...pastText(facts),
    ...processText(facts),
    ...listOf(facts, 'kmem.causes', 'causes'),
    ...listOf(facts, 'kmem.rejected', 'not taken'),
    ...listOf(facts, 'kmem.leaves_open', 'stays open'),
  ];
  return [paint.bold(row.host), ...lines.flatMap((line) => indented(line, width))];
}

/** Folds a line. All parts have its indentation. */
function indented(line: string, width: number): readonly string[] {
  const text = line.trimStart();
  const by = 4 + line.length - text.length;
  return fold(text, Math.max(20, width - by)).map((part) => ' '.repeat(by) + part);
}

/** The samples of cgroups. All are of this boot, since cgroups are in memory. */
function groupText(samples: SampleCounts): readonly string[] {
  const count = (name: Exclude<keyof SampleCounts, 'failed_why' | 'capped'>): number =>
    samples[name] ?? 0;
  const by = (['kubelet', 'docker', 'other'] as const)
    .filter((group) => count(group) > 0)
    .map((group) => `${group} ${count(group)} (${count(`${group}_read`)})`);
  const answers = (['read', 'eio', 'empty', 'denied', 'failed', 'absent'] as const)
    .filter((name) => count(name) > 0)
    .map((name) => `${name} ${count(name)}`);
  return [
    `non-root memory cgroups, all made in this boot: ${count('total')}${by.length === 0 ? '' : `; by whom (readable): ${by.join(', ')}`}`,
    ...(answers.length === 0
      ? []
      : [
          `answers: ${answers.join(', ')}${samples.capped === true ? '; more than could be walked' : ''}`,
        ]),
    `memory-limited: ${count('limited')}, of them containers ${count('containers')}; off: ${count('limited_off')}`,
  ];
}

const asksText: Readonly<Record<PartRow['asks'], string>> = {
  yes: 'asks by its version',
  no: 'does not ask',
  unknown: 'may ask: unknown by its version',
  never: 'asks only for an explicit kernel-memory limit',
};

/** A line for each program that makes groups: by its version, and by its limited containers. */
function partsText(facts: Facts): readonly string[] {
  return known(facts, 'kmem.parts', []).map((part) => {
    const asks = asksText[part.asks];
    const note = part.note !== undefined && part.asks !== 'never' ? ` (${part.note})` : '';
    const containers =
      part.containers > 0
        ? `; limited containers ${part.containers}, off ${part.containers_off}`
        : '';
    const sample = part.sample === '' ? '' : `; a sample container read ${part.sample}`;
    return `${part.name}: ${asks}${note}${containers}${sample}`;
  });
}

/** Limits against a fork bomb where kernel-memory accounting is off; none where it is healthy. */
function processText(facts: Facts): readonly string[] {
  const controller = known(facts, 'pids.controller');
  if (controller === undefined || facts['kmem.verdict'] === 'not_applicable') return [];
  const reserved = (['system', 'kube'] as const).flatMap((group) => {
    const amounts = known(facts, `pids.${group}_reserved`, '');
    return amounts === '' ? [] : [`${group}-reserved ${amounts}`];
  });
  const most = known(facts, 'pids.kernel_max', 0);
  const parts = [
    controller === 'absent' ? 'no pids controller is mounted' : unlimitedText(facts),
    ...podLimitText(facts),
    ...(facts['kubelet.installed'] === true && reserved.length === 0
      ? ['nothing reserved for system or kubelet']
      : reserved),
    ...(most > 0 ? [`kernel.pid_max ${most}`] : []),
  ];
  return [`limits on processes: ${parts.join('; ')}`];
}

function unlimitedText(facts: Facts): string {
  const missing = [facts['pids.pods'], facts['pids.containers']].find((count) => isUnknown(count));
  if (isUnknown(missing)) return missing.$unknown;
  const groups = (['pod', 'container'] as const).filter(
    (what) => known(facts, `pids.${what}s`, 0) > 0,
  );
  const of = (what: 'pod' | 'container'): string =>
    `${known(facts, `pids.${what}s_unlimited`, 0)} of ${plural(known(facts, `pids.${what}s`, 0), what)}`;
  return groups.length === 0
    ? 'no pod or container is there'
    : `without any: ${groups.map(of).join(', ')}`;
}

/** A kubelet before 1.14 ignores its limit without the feature gate, and does not warn. */
function podLimitText(facts: Facts): readonly string[] {
  const {
    'pids.pod_limit': limit,
    'pids.pod_limit_gate': gate,
    'kubelet.version': version,
  } = facts;
  if (facts['kubelet.installed'] !== true) return [];
  if (isUnknown(limit)) return [`podPidsLimit not known: ${limit.$unknown}`];
  if (typeof limit !== 'number' || limit < 0) return ['podPidsLimit is not set'];
  const ignored =
    gate === 'false' ||
    (gate === '' && typeof version === 'string' && /^v?1\.(?:\d|1[0-3])\./.test(version));
  return [
    `podPidsLimit ${limit}${ignored ? ', which needs the feature gate SupportPodPidsLimit' : ''}`,
  ];
}

/** An earlier active probe of this boot counts for the verdict, even without `--active`. */
function earlierProbe({ facts = {}, active }: CheckRow): readonly string[] {
  const answer = known(facts, 'kmem.active_probe', '');
  return active !== undefined || answer === ''
    ? []
    : [`active probe earlier in this boot: ${answer}`];
}

function logText(facts: Facts): readonly string[] {
  if (facts['kmem.log_read'] === false) return ['kernel log: could not be read'];
  return known(facts, 'kmem.symptoms', []).map(
    ({ from, kind, count, line }) =>
      `${from === 'runtime' ? 'journal of the runtime' : 'kernel log'}: ${kind} ${count}: ${line}`,
  );
}

const pastWords: Readonly<Record<PastVerdict, string>> = {
  died: 'one of them died of this bug',
  died_unshown: 'one of them died, and its cause is not shown',
  seen: 'symptoms, and no death',
  none: 'no death and no symptom',
};

/** Traces of earlier boots; none in facts of older versions. */
function pastText(facts: Facts): readonly string[] {
  const verdict = facts['crash.verdict'];
  if (verdict === undefined) return [];
  if (isUnknown(verdict)) return [`earlier boots: ${verdict.$unknown}`];
  const evidence = known(facts, 'crash.evidence', '');
  const text = `earlier boots: ${pastWords[verdict]}${evidence === '' ? '' : `: ${evidence}`}`;
  return [text, ...known(facts, 'crash.boots', []).flatMap(symptomsText)];
}

/**
 * `earlier boot, /var/crash/...:`, and below it `slub_memcg 3, last 2018-11-05 10:24:31: cache:
 * ...` for each kind.
 */
function symptomsText({ place, boot, symptoms }: EarlierBoot): readonly string[] {
  const where = [place, boot].filter((word) => word !== '').join(' ');
  const rows = symptoms.map((row) => {
    const when = row.at === 0 ? '' : `, last ${utcTime(row.at * 1000)}`;
    return `  ${row.kind} ${row.count}${when}: ${row.line}`;
  });
  return rows.length === 0 ? [] : [`earlier boot, ${where}:`, ...rows];
}

function listOf(facts: Facts, name: NameOf<Texts>, title: string): readonly string[] {
  const texts = known(facts, name, []);
  return texts.length > 0 ? [`${title}: ${texts.join('; ')}`] : [];
}
