// The report of a run, from its journal alone: text for terminals, Markdown for tickets.
import { leftBehindOn } from '../../core/history/left-behind.ts';
import { type HostState, hostStates, type RunState } from '../../core/run-state/state.ts';
import { plural } from '../../model/text/plural.ts';
import { duration, type Paint, table, uncoloured, utcTime } from '../layout.ts';
import { failureLines } from './failure-text.ts';
import { awayLines } from './next-steps.ts';
import { proofText } from './proof-text.ts';
import { recapLines, recapRow } from './recap.ts';

export interface ReportInput {
  readonly state: RunState;
  readonly entries: number;
  /** Hash of the last entry. A copy of it proves later that the journal was not rewritten. */
  readonly head: string;
  /** Of a run that is not over, or left something to do: where it stands now. */
  readonly standing?: readonly string[];
}

interface Facts {
  readonly title: string;
  readonly pairs: readonly (readonly [string, string])[];
}

function summary({ state, entries, head }: ReportInput): Facts {
  return {
    title: `Run ${state.run}: ${state.play}`,
    pairs: [
      ['playbook', state.playbook],
      ['started', state.begun ? utcTime(state.startedAt) : ''],
      ['took', duration((state.lastAt - state.startedAt) / 1000)],
      [
        'ended',
        state.finished === undefined
          ? 'not finished'
          : `${state.finished.why} (exit ${state.finished.exit})`,
      ],
      ...(state.brake === undefined ? [] : [['brake', state.brake.why] as const]),
      ...awayLines(state).map((line) => ['cluster', line] as const),
      ...[...state.kernels].map(
        ([release, { obeys, host }]) =>
          [
            `kernel ${release}`,
            `${obeys === 'yes' ? 'obeys' : 'does not obey'} nokmem: seen on ${host}`,
          ] as const,
      ),
      ['journal', `${plural(entries, 'entry', 'entries')}, head ${head}`],
    ],
  };
}

/** A host before and after the run: its state, what was done, and the proof. */
function hostCells(host: HostState): readonly string[] {
  const took =
    host.startedAt === undefined || host.endedAt === undefined
      ? ''
      : duration((host.endedAt - host.startedAt) / 1000);
  const proof = host.proof === undefined ? '' : proofText(host.proof);
  const failed =
    host.failure === undefined || host.status === 'done'
      ? ''
      : `${host.failure.kind}: ${host.failure.message}${host.left === undefined ? '' : ` [left: ${host.left}]`}`;
  const refused = host.plan.refused === undefined ? '' : host.plan.refused.why;
  const remedy = host.remedy?.remedy ?? host.plan.remedy;
  return [
    host.host,
    host.plan.verdict,
    remedy,
    host.proven === 'partial' && host.rescued === undefined ? 'proven in part' : recapRow(host).end,
    took,
    failed || refused || proof || lockOutText(host),
  ];
}

/** Why a host was not started, or goes after all others. */
const lockOutText = ({ status, lockOut }: HostState): string =>
  status === 'planned' || status === 'waiting' ? (lockOut?.why ?? '') : '';

const columns = ['host', 'was', 'remedy', 'end', 'took', 'proof, or why not'];

export function reportText(input: ReportInput, width: number, paint: Paint): readonly string[] {
  const { title, pairs } = summary(input);
  const { state, standing = [] } = input;
  return [
    paint.bold(title),
    ...table(
      pairs.map(([name, value]) => [`  ${name}`, value]),
      width,
    ),
    '',
    ...table(
      [columns.map((column) => paint.bold(column)), ...[...hostStates(state)].map(hostCells)],
      width,
    ),
    ...state.leftOut.map(
      ({ host, failure }) => `${host}  left out  ${failure.kind}: ${failure.message}`,
    ),
    '',
    ...recapLines(hostStates(state), state.leftOut, paint),
    ...whatFailed(state),
    ...whatDiffered(state),
    ...whatStayed(state),
    ...longOutputs(state),
    ...(standing.length === 0 ? [] : ['', ...standing]),
  ];
}

/** All failures: a report may be long. */
function whatFailed(state: RunState): readonly string[] {
  const lines = failureLines(state, Number.POSITIVE_INFINITY);
  return lines.length === 0 ? [] : ['', ...lines];
}

/** Differences from the plan, for example a reboot that was no longer needed. */
function whatDiffered(state: RunState): readonly string[] {
  const rows = [...hostStates(state)].flatMap(({ host, differences }) =>
    differences.map((what) => `  ${host}  ${what}`),
  );
  return rows.length === 0 ? [] : ['', 'NOT AS PLANNED', ...rows];
}

/** Pods that stayed on rebooted hosts, because the play accepts them. */
function whatStayed(state: RunState): readonly string[] {
  const rows = [...hostStates(state)].flatMap((host) =>
    leftBehindOn(host).map((name) => `  ${host.host}  ${name}`),
  );
  return rows.length === 0 ? [] : ['', 'LEFT BEHIND BY THE DRAIN', ...rows];
}

/** Hosts with output that is too long for the journal, and its files. */
function longOutputs(state: RunState): readonly string[] {
  const rows = [...hostStates(state)].flatMap(({ longOutput }) =>
    longOutput === undefined
      ? []
      : [`  ${longOutput.file}  ${Math.ceil(longOutput.bytes / 1024)} kB`],
  );
  return rows.length === 0 ? [] : ['', 'long output, in files beside the journal:', ...rows];
}

/** Escapes text as Markdown: it must not begin a cell, code, a link, HTML, a list or a heading. */
const escaped = (text: string): string =>
  text
    .replace(/^[-#+>]|[\\`*~|[\]]/g, '\\$&')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;');

export function reportMarkdown(input: ReportInput): readonly string[] {
  const { title, pairs } = summary(input);
  const { state, standing = [] } = input;
  const row = (cells: readonly string[]): string => `| ${cells.map(escaped).join(' | ')} |`;
  return [
    `# ${escaped(title)}`,
    '',
    ...pairs.map(([name, value]) => `- **${escaped(name)}**: ${escaped(value)}`),
    '',
    row(columns),
    `| ${columns.map(() => '---').join(' | ')} |`,
    ...[...hostStates(state)].map((host) => row(hostCells(host))),
    ...state.leftOut.map(({ host, failure }) =>
      row([host, '', '', 'left out', '', `${failure.kind}: ${failure.message}`]),
    ),
    '',
    // Indented, not fenced or escaped: no text can end such a block, and commands can be pasted.
    ...[
      ...recapLines(hostStates(state), state.leftOut, uncoloured),
      ...whatFailed(state),
      ...whatDiffered(state),
      ...whatStayed(state),
      ...longOutputs(state),
      ...(standing.length === 0 ? [] : ['', ...standing]),
    ].map((line) => `    ${line}`.trimEnd()),
  ];
}
