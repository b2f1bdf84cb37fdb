// The table of `kmend check`: versions, verdict, evidence and remedy of each host, and a summary.
import { conclusionOf } from '../../core/history/conclusion.ts';
import type { ActiveProbe } from '../../engine/host/fleet.ts';
import { type Facts, known, type NameOf } from '../../model/fact.ts';
import { causeText, type Failure } from '../../model/run/failure.ts';
import { isUnknown } from '../../model/value.ts';
import { cutTo, fold, type Paint, plural, table } from '../layout.ts';

export interface CheckRow {
  readonly host: string;
  /** Facts, or why there are none. */
  readonly facts?: Facts;
  readonly failure?: Failure;
  /** Only of `--active`. */
  readonly active?: ActiveProbe;
}

const head = [
  'host',
  'kernel',
  'docker',
  'runc/containerd.io',
  'kubelet',
  'kmem',
  'evidence',
  'remedy',
];

/** The most columns of a version and of a text: one host must not widen all rows. */
const widest = { version: 60, text: 2000 };

const textFact = (facts: Facts, name: NameOf<string>, most = widest.version): string =>
  shown(known(facts, name, ''), most);

const shown = (text: string, most: number): string => cutTo(text.slice(0, most + 1), most);

/** The version of runc: bundled in docker before 18.09, else by package, else by runc itself. */
function runcOf(facts: Facts): string {
  const containerd = textFact(facts, 'containerd.evr');
  if (containerd !== '') return containerd;
  const docker = textFact(facts, 'docker.version');
  if (/^(17|18\.0[0-6])/.test(docker)) return '(bundled)';
  return textFact(facts, 'runc.version');
}

function paintVerdict(verdict: string, paint: Paint): string {
  const shown = verdict === 'not_applicable' ? 'n/a' : verdict;
  if (verdict === 'off') return paint.green(shown);
  if (verdict === 'leaking' || verdict === 'on') return paint.red(shown);
  return verdict === 'not_applicable' ? shown : paint.yellow(shown);
}

function remedyOf(facts: Facts): string {
  const remedy = textFact(facts, 'kmem.remedy');
  const why = textFact(facts, 'kmem.remedy_why', widest.text);
  return remedy === 'none' || why === '' ? remedy : `${remedy}: ${why}`;
}

function evidenceOf(facts: Facts, active: ActiveProbe | undefined): string {
  const judged = facts['kmem.verdict'];
  const evidence = isUnknown(judged)
    ? shown(judged.$unknown, widest.text)
    : textFact(facts, 'kmem.evidence', widest.text);
  return [evidence, pastClause(facts), active === undefined ? '' : activeText(active)]
    .filter(Boolean)
    .join('; ');
}

/** `an earlier boot died of it on 2018-11-05`, where the cause is known. */
function pastClause(facts: Facts): string {
  if (facts['crash.verdict'] !== 'died') return '';
  const on = textFact(facts, 'crash.on');
  return `an earlier boot died of it${on === '' ? '' : ` on ${on}`}`;
}

/** What an answer means: a kernel may account although the runtime does not ask for it. */
const answerMeans = {
  off: 'the kernel refuses',
  on: 'nokmem is not in force: the kernel would account a cgroup that asks',
} as const;

/**
 * `active probe: off (the kernel refuses)`, `active probe: failed (mkdir: Cannot allocate memory)`.
 */
function activeText(active: ActiveProbe): string {
  if (active.kind === 'answered')
    return `active probe: ${active.answer} (${answerMeans[active.answer]})`;
  return `active probe: ${active.kind === 'failed' ? 'failed' : 'not made'} (${shown(active.why, widest.text)})`;
}

function cells(row: CheckRow, paint: Paint): readonly string[] {
  const { facts, failure } = row;
  if (facts === undefined)
    return [
      row.host,
      ...['', '', '', ''],
      paint.red(failure?.kind ?? 'unknown'),
      shown(failure === undefined ? '' : causeText(failure), widest.text),
      shown(failure?.hint ?? '', widest.text),
    ];
  const kernel = textFact(facts, 'kernel.release').replace(/\.x86_64$/, '');
  return [
    row.host,
    kernel,
    textFact(facts, 'docker.version') || textFact(facts, 'docker.client'),
    runcOf(facts),
    textFact(facts, 'kubelet.version').replace(/^v/, ''),
    paintVerdict(textFact(facts, 'kmem.verdict') || 'unknown', paint),
    evidenceOf(facts, row.active),
    remedyOf(facts),
  ];
}

/** The table. On a narrow terminal evidence and remedy are below each host. */
export function checkTable(
  rows: readonly CheckRow[],
  width: number,
  paint: Paint,
): readonly string[] {
  const lines = rows.map((row) => cells(row, paint));
  const whole = table([head.map((title) => paint.bold(title)), ...lines], width);
  const evidenceRoom = Math.max(...lines.map((line) => (line[6] ?? '').length), 0);
  if (width >= 100 && evidenceRoom <= 60) return whole;
  const short = table(
    [head.slice(0, 6).map((title) => paint.bold(title)), ...lines.map((line) => line.slice(0, 6))],
    width,
  );
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

/** Each host in two checks. */
export function beforeAndAfter(
  before: readonly CheckRow[],
  after: readonly CheckRow[],
  width: number,
  paint: Paint,
): readonly string[] {
  const rows = before.map((row) => {
    const now = after.find((other) => other.host === row.host);
    return [row.host, ...stateCells(row, paint), '->', ...stateCells(now, paint)];
  });
  return table(
    [
      ['host', 'before', 'kernel', '', 'after', 'kernel'].map((title) => paint.bold(title)),
      ...rows,
    ],
    width,
  );
}

const stateCells = (row: CheckRow | undefined, paint: Paint): readonly string[] =>
  row?.facts === undefined
    ? [paint.red(row?.failure?.kind ?? 'gone'), '']
    : [
        paintVerdict(textFact(row.facts, 'kmem.verdict'), paint),
        textFact(row.facts, 'kernel.release').replace(/\.x86_64$/, ''),
      ];

/** `4 hosts: 2 need a remedy, 1 fine, 1 unknown (no proof)`. */
export function checkSummary(rows: readonly CheckRow[]): string {
  const conclusions = rows.flatMap(({ facts }) =>
    facts === undefined ? [] : [conclusionOf(facts)],
  );
  const count = (kind: (typeof conclusions)[number]['kind']): number =>
    conclusions.filter((one) => one.kind === kind).length;
  const unread = rows.filter(({ facts }) => facts === undefined);
  const unreachable = unread.filter(({ failure }) => failure?.kind === 'unreachable').length;
  const whys = conclusions.flatMap((one) => (one.kind === 'unknown' ? [one.why] : []));
  const parts = [
    [count('needs_remedy'), count('needs_remedy') === 1 ? 'needs a remedy' : 'need a remedy'],
    [count('fine'), 'fine'],
    [count('not_applicable'), 'not applicable'],
    [whys.length, `unknown (${countedBy(whys)})`],
    [unreachable, 'unreachable'],
    [unread.length - unreachable, 'could not be read'],
  ] as const;
  const counts = parts
    .filter(([number]) => number > 0)
    .map(([number, text]) => `${number} ${text}`);
  return `${plural(rows.length, 'host')}: ${counts.join(', ')}`;
}

/** `no proof`, or with numbers where there are several: `2 no proof, 1 at risk`. */
function countedBy(words: readonly string[]): string {
  const different = [...new Set(words)];
  if (different.length === 1) return different.join();
  return different.map((one) => `${words.filter((word) => word === one).length} ${one}`).join(', ');
}
