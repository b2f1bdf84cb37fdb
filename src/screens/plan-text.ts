// A plan as text: for each wave the hosts, their changes with `+ ~ - !`, risk, remedy and why; then
// hosts that are refused or left out.
import type { Expected, HostPlan, PlannedChange, PlayPlan, TaskPlan } from '../model/run/plan.ts';
import { hasChanges } from '../model/run/plan.ts';
import { duration, foldLine, type Paint, plural } from './layout.ts';
import { failureText } from './run/failure-text.ts';

/** A wave: when its hosts would start, by `decide` on a virtual clock, and what they wait for. */
export interface PlannedWave {
  readonly title: string;
  readonly hosts: readonly {
    readonly host: string;
    readonly startsIn?: number;
    readonly waitsFor?: string;
  }[];
}

export interface PlanView {
  readonly play: PlayPlan;
  readonly waves: readonly PlannedWave[];
  /** Hosts with changes that this policy would never start; `why` has the reason. */
  readonly unstarted: readonly string[];
  readonly why: string;
  /** Expected seconds until the last host is done. */
  readonly expected?: number;
  readonly width: number;
  readonly paint: Paint;
}

/** The lines of a plan. They are made as they are taken: a fleet has many thousands. */
export function* planText(view: PlanView): Generator<string, void> {
  const { play, paint } = view;
  const byHost = new Map(play.hosts.map((host) => [host.host, host]));
  const textOf = ({
    host,
    startsIn,
    waitsFor,
  }: PlannedWave['hosts'][number]): readonly string[] => {
    const plan = byHost.get(host);
    return plan === undefined ? [] : hostText(plan, startsIn, waitsFor, view);
  };
  yield paint.bold(`Play: ${play.play}`);
  if (play.rollout.order === 'longest_first') yield* indented(orderText(play), 0, view.width);
  for (const { title, hosts } of view.waves) {
    if (hosts.length === 0) continue;
    yield* ['', paint.bold(title)];
    for (const host of hosts) yield* textOf(host);
  }
  yield* unstartedText(view, textOf);
  const idle = play.hosts.filter((host) => host.refused === undefined && !hasChanges(host));
  const known = idle.filter(({ verdict }) => verdict !== 'unknown');
  const unknown = idle.filter(({ verdict }) => verdict === 'unknown');
  yield* section('Nothing to do', known, idleText, paint.green, view.width);
  yield* section('Nothing to do, kmem unknown', unknown, idleText, paint.yellow, view.width);
  yield* untouched(view);
  yield '';
  for (const note of play.notes ?? []) yield* indented(`note: ${note}`, 0, view.width);
  yield* foldLine(summary(view), view.width);
}

/** What needs an operator, and the summary. */
export function* planSummary(view: PlanView): Generator<string, void> {
  yield* unstartedText(view, ({ host }) => [`  ${host}`]);
  yield* untouched(view);
  yield* foldLine(summary(view), view.width);
}

function* untouched({ play, paint, width }: PlanView): Generator<string, void> {
  const refused = play.hosts.filter((host) => host.refused !== undefined);
  yield* section('Refused (untouched)', refused, refusedText, paint.yellow, width);
  yield* section('Left out', play.leftOut, leftOutText, paint.red, width);
}

const leftOutText = ({ host, failure }: PlayPlan['leftOut'][number]): string =>
  `${host}  ${failureText(failure)}`;

function* unstartedText(
  view: PlanView,
  textOf: (host: { readonly host: string }) => readonly string[],
): Generator<string, void> {
  if (view.unstarted.length === 0) return;
  const title = `To change, but would not be started as things are: ${view.unstarted.length}`;
  yield* ['', view.paint.yellow(title)];
  if (view.why !== '') yield* indented(`why: ${view.why}`, 2, view.width);
  for (const host of view.unstarted) yield* textOf({ host });
}

const transportText = ({ transport }: HostPlan): string =>
  transport === undefined ? '' : ', by the OpenSSH client';

const idleText = (plan: HostPlan): string => {
  const { host, verdict, remedyWhy, accepts } = plan;
  return `${host}  ${verdict}${transportText(plan)}${remedyWhy === '' ? '' : `: ${remedyWhy}`}${accepts === undefined ? '' : `; ${acceptsText(accepts)}`}`;
};

const refusedText = (plan: HostPlan): string =>
  `${plan.host}  ${plan.refused?.task ?? ''}: ${plan.refused?.why ?? ''}${hintOf(plan.refused?.hint)}`;

const hintOf = (hint: string | undefined): string => (hint === undefined ? '' : ` (${hint})`);

function* section<T>(
  title: string,
  rows: readonly T[],
  textOf: (row: T) => string,
  colour: (text: string) => string,
  width: number,
): Generator<string, void> {
  if (rows.length === 0) return;
  yield* ['', colour(`${title}: ${rows.length}`)];
  for (const row of rows) yield* indented(textOf(row), 2, width);
}

const indented = (text: string, by: number, width: number): readonly string[] =>
  foldLine(' '.repeat(by) + text, width);

function hostText(
  plan: HostPlan,
  startsIn: number | undefined,
  waitsFor: string | undefined,
  view: PlanView,
): readonly string[] {
  const { paint, width } = view;
  const start = startsIn === undefined ? '' : `, starts in ${duration(startsIn)}`;
  const zone = plan.zone === undefined ? '' : `, zone ${plan.zone}`;
  const head = `${paint.bold(plan.host)}  ${plan.verdict}, remedy ${plan.remedy}, risk ${paintRisk(plan.risk, paint)}, ${estimateText(plan)}${expectedText(plan)}${zone}${transportText(plan)}${start}`;
  return [
    ...indented(head, 2, width),
    ...(plan.remedyWhy === '' ? [] : indented(`why: ${plan.remedyWhy}`, 4, width)),
    ...(plan.accepts === undefined
      ? []
      : indented(
          paint.yellow(`${acceptsText(plan.accepts)} (a proof in part: exit 12)`),
          4,
          width,
        )),
    ...(plan.cordoned === true
      ? indented(paint.yellow(cordonedText(view.play.rollout.cordoned)), 4, width)
      : []),
    ...(waitsFor === undefined ? [] : indented(`waits: ${waitsFor}`, 4, width)),
    ...plan.tasks.flatMap((task) => taskText(task, plan.host, view)),
    ...plan.warnings.flatMap((warning) => indented(paint.yellow(`warning: ${warning}`), 4, width)),
  ];
}

/** When a host starts whose node is cordoned by somebody else. */
const cordonedText = (cordoned: PlayPlan['rollout']['cordoned'] = 'last'): string =>
  `its node is cordoned by somebody else: ${{ first: 'it goes first', last: 'it goes last', skip: 'it is not started' }[cordoned]} (rollout.cordoned: ${cordoned})`;

const acceptsText = (accepts: NonNullable<HostPlan['accepts']>): string =>
  `leaves open, as the play accepts: ${accepts.map(({ name }) => name).join(', ')}`;

const estimateText = ({ estimate, earlier }: HostPlan): string =>
  `about ${duration(estimate)} ${earlier === undefined ? 'by default' : `(p95 of ${plural(earlier, 'earlier host')})`}`;

/** How long this host itself takes, and how that is known, where it is started by that. */
const expectedText = ({ expected }: HostPlan): string =>
  expected === undefined
    ? ''
    : `, sorted as ${duration(expected.seconds)} ${expectedBy[expected.by]}`;

const expectedBy: Readonly<Record<Expected['by'], string>> = {
  host: '(its own earlier runs)',
  forecast: '(grace periods of its pods)',
  median: '(nothing known: median of the others)',
  default: 'by default',
};

/** What the order of work rests on. */
function orderText({ rollout, hosts }: PlayPlan): string {
  const timed = hosts.filter((host) => host.expected !== undefined && hasChanges(host));
  const by = (ways: readonly Expected['by'][]): number =>
    timed.filter(({ expected }) => expected !== undefined && ways.includes(expected.by)).length;
  return `Order: ${rollout.order} (${by(['host'])} by their own earlier runs, ${by(['forecast'])} by the grace periods of their pods, ${by(['median', 'default'])} without an estimate of their own)`;
}

function taskText(task: TaskPlan, host: string, view: PlanView): readonly string[] {
  if (task.status === 'same' || task.status === 'skip') return [];
  const { paint, width } = view;
  const changes = [
    ...task.changes.flatMap((change) => changeLines(change, view)),
    ...(task.alternatives ?? []).flatMap((way) =>
      indented(paint.dim(`another way: ${way}`), 6, width),
    ),
  ];
  const later =
    task.status === 'later'
      ? `later: ${task.why ?? 'not known yet'}; at most ${task.risk}`
      : undefined;
  const once = task.once && `once, on ${host}, ${task.once} all others`;
  const why = [once, later ?? task.why].filter(Boolean).join('; ');
  return [
    ...indented(`${task.name}${why === '' ? '' : paint.dim(` (${why})`)}`, 4, width),
    ...changes,
  ];
}

const signs = { '+': 'green', '~': 'yellow', '-': 'red', '!': 'cyan' } as const;

/** Of a text of several lines only the lines that differ are shown. */
function changeLines(
  { before, after, diff, ...change }: PlannedChange,
  { paint, width }: PlanView,
): readonly string[] {
  const head = (values: string): readonly string[] =>
    indented(
      `${paint[signs[change.sign]](change.sign)} ${change.what + values} ${paint.dim(`[${change.risk}]`)}`,
      6,
      width,
    );
  if (diff !== undefined) return [...head(''), ...diffLines(diff, paint)];
  if (!`${before}${after}`.includes('\n')) return head(valuesText(before, after));
  const [old, made] = [before?.split('\n') ?? [], after?.split('\n') ?? []];
  return [
    ...head(''),
    ...old
      .filter((line) => !made.includes(line))
      .map((line) => `        ${paint.red(`- ${line}`)}`),
    ...made
      .filter((line) => !old.includes(line))
      .map((line) => `        ${paint.green(`+ ${line}`)}`),
  ];
}

const diffLines = (diff: string, paint: Paint): readonly string[] =>
  diff
    .split('\n')
    .map((line) =>
      line.startsWith('-') ? paint.red(line) : line.startsWith('+') ? paint.green(line) : line,
    )
    .map((line) => `        ${line}`);

function valuesText(before: string | undefined, after: string | undefined): string {
  const named = (value: string): string => (value === '' ? '(none)' : value);
  if (before !== undefined && after !== undefined) return `: ${named(before)} -> ${named(after)}`;
  const only = after ?? before;
  return only === undefined ? '' : `: ${only}`;
}

const paintRisk = (risk: string, paint: Paint): string =>
  risk === 'reboot' || risk === 'evict'
    ? paint.red(risk)
    : risk === 'restart'
      ? paint.yellow(risk)
      : risk;

function summary(view: PlanView): string {
  const { play, expected, unstarted } = view;
  const changing = play.hosts.filter(hasChanges).length;
  const refused = play.hosts.filter((host) => host.refused !== undefined).length;
  const idle = play.hosts.length - changing - refused;
  const left = play.leftOut.length === 0 ? '' : `, ${play.leftOut.length} left out`;
  const never =
    unstarted.length === 0
      ? ''
      : ` (${unstarted.length === changing ? 'none would' : `${unstarted.length} would not`} be started)`;
  const time =
    expected === undefined || changing === unstarted.length
      ? ''
      : `; expected to take ${duration(expected)}`;
  return `Plan: ${plural(changing, 'host')} to change${never}, ${idle} with nothing to do, ${refused} refused${left}${time}`;
}
