// The table of `kmend check`: versions, verdict, evidence and remedy of each host, and a line that sums them up.
import type { Facts } from '../model/fact.ts';
import type { Failure } from '../model/failure.ts';
import { fold, harmless, type Paint, plural, table } from './layout.ts';

export interface CheckRow {
  readonly host: string;
  /** Facts, or why there are none. */
  readonly facts?: Facts;
  readonly failure?: Failure;
}

const head = ['host', 'kernel', 'docker', 'runc/containerd.io', 'kubelet', 'kmem', 'evidence', 'remedy'];

const word = (facts: Facts, name: string): string => {
  const value = facts[name];
  return typeof value === 'string' || typeof value === 'number' ? harmless(String(value)) : '';
};

/** Bundled in docker before 18.09; else the package where there is one, else what runc says of itself. */
function runcOf(facts: Facts): string {
  const containerd = word(facts, 'containerd.evr');
  if (containerd !== '') return containerd;
  const docker = word(facts, 'docker.version');
  if (/^(17|18\.0[0-6])/.test(docker)) return '(bundled)';
  return word(facts, 'runc.version') || word(facts, 'containerd.version');
}

function paintVerdict(verdict: string, paint: Paint): string {
  const shown = verdict === 'not_applicable' ? 'n/a' : verdict;
  if (verdict === 'off') return paint.green(shown);
  if (verdict === 'leaking' || verdict === 'on') return paint.red(shown);
  return verdict === 'not_applicable' ? shown : paint.yellow(shown);
}

function remedyOf(facts: Facts): string {
  const remedy = word(facts, 'kmem.remedy');
  const why = word(facts, 'kmem.remedy_why');
  return remedy === 'none' || why === '' ? remedy : `${remedy}: ${why}`;
}

function cells(row: CheckRow, paint: Paint): readonly string[] {
  const { facts, failure } = row;
  if (facts === undefined)
    return [row.host, '', '', '', '', paint.red(failure?.kind ?? 'unknown'), harmless(failure?.message ?? ''), failure?.hint ?? ''];
  const kernel = word(facts, 'kernel.release').replace(/\.x86_64$/, '');
  return [
    row.host,
    kernel,
    word(facts, 'docker.version') || word(facts, 'docker.client'),
    runcOf(facts),
    word(facts, 'kubelet.version').replace(/^v/, ''),
    paintVerdict(word(facts, 'kmem.verdict'), paint),
    word(facts, 'kmem.evidence'),
    remedyOf(facts),
  ];
}

/** Columns that fit side by side where the terminal is wide; on a narrow one each host's evidence and remedy go below it. */
export function checkTable(rows: readonly CheckRow[], width: number, paint: Paint): readonly string[] {
  const lines = rows.map((row) => cells(row, paint));
  const whole = table([head.map((title) => paint.bold(title)), ...lines], width);
  const evidenceRoom = Math.max(...lines.map((line) => (line[6] ?? '').length), 0);
  if (width >= 100 && evidenceRoom <= 60) return whole;
  const short = table([head.slice(0, 6).map((title) => paint.bold(title)), ...lines.map((line) => line.slice(0, 6))], width);
  return short.flatMap((line, index) => {
    const row = index === 0 ? undefined : lines[index - 1];
    if (row === undefined) return [line];
    return [
      line,
      ...[row[6], row[7]]
        .filter((text) => text !== undefined && text !== '' && text !== 'none')
        .flatMap((text) => fold(text ?? '', Math.max(20, width - 4)).map((line) => `    ${line}`)),
    ];
  });
}

/** What became of each host between two checks. */
export function beforeAndAfter(before: readonly CheckRow[], after: readonly CheckRow[], width: number, paint: Paint): readonly string[] {
  const rows = before.map((row) => {
    const now = after.find((other) => other.host === row.host);
    return [row.host, ...stateCells(row, paint), '->', ...stateCells(now, paint)];
  });
  return table([['host', 'before', 'kernel', '', 'after', 'kernel'].map((title) => paint.bold(title)), ...rows], width);
}

const stateCells = (row: CheckRow | undefined, paint: Paint): readonly string[] =>
  row?.facts === undefined
    ? [paint.red(row?.failure?.kind ?? 'gone'), '']
    : [paintVerdict(word(row.facts, 'kmem.verdict'), paint), word(row.facts, 'kernel.release').replace(/\.x86_64$/, '')];

/** `4 hosts: 2 need a remedy, 1 fine, 1 not applicable`. */
export function checkSummary(rows: readonly CheckRow[]): string {
  const count = (test: (row: CheckRow) => boolean): number => rows.filter(test).length;
  const verdict = (row: CheckRow): string => (row.facts === undefined ? '' : word(row.facts, 'kmem.verdict'));
  const parts = [
    [count(needsRemedy), 'need a remedy', 'needs a remedy'],
    [count((row) => verdict(row) === 'off' && !needsRemedy(row)), 'fine', 'fine'],
    [count((row) => verdict(row) === 'not_applicable'), 'not applicable', 'not applicable'],
    [count((row) => row.facts !== undefined && isUnknownRow(row)), 'unknown', 'unknown'],
    [count((row) => row.failure?.kind === 'unreachable'), 'unreachable', 'unreachable'],
    [count((row) => row.failure !== undefined && row.failure.kind !== 'unreachable'), 'could not be read', 'could not be read'],
  ] as const;
  const said = parts.filter(([number]) => number > 0).map(([number, many, one]) => `${number} ${number === 1 ? one : many}`);
  return `${plural(rows.length, 'host')}: ${said.join(', ')}`;
}

const isUnknownRow = (row: CheckRow): boolean =>
  row.facts !== undefined && !needsRemedy(row) && !['off', 'not_applicable'].includes(word(row.facts, 'kmem.verdict'));

/** Something has to be done on this host: kmend knows what, or accounting is on and it cannot tell what would mend that. */
export function needsRemedy(row: CheckRow): boolean {
  if (row.facts === undefined) return false;
  const remedy = word(row.facts, 'kmem.remedy');
  if (remedy === 'unknown') return ['on', 'leaking'].includes(word(row.facts, 'kmem.verdict'));
  return remedy !== 'none' && remedy !== '';
}
