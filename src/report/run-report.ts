// The report of a run, from its journal alone: for people (text) and for tickets (Markdown).
import { foldAll } from '../core/fold.ts';
import { type HostState, hostStates } from '../core/state.ts';
import type { Event } from '../model/event.ts';
import { duration, harmless, type Paint, table, uncoloured } from './layout.ts';
import { recapLines, recapRow } from './recap.ts';

export interface ReportInput {
  readonly events: readonly Event[];
  /** Hash of the last entry: who keeps it can prove later that the journal was not rewritten. */
  readonly head: string;
}

interface Facts {
  readonly title: string;
  readonly pairs: readonly (readonly [string, string])[];
}

function summary({ events, head }: ReportInput): Facts {
  const state = foldAll(events);
  const [first] = events;
  const last = events.at(-1);
  const took = first === undefined || last === undefined ? 0 : (last.at - first.at) / 1000;
  return {
    title: `Run ${state.run}: ${state.play}`,
    pairs: [
      ['playbook', state.playbook],
      ['started', first === undefined ? '' : new Date(first.at).toISOString()],
      ['took', duration(took)],
      [
        'ended',
        state.finished === undefined ? 'not finished: kmend resume goes on' : `${state.finished.why} (exit ${state.finished.exit})`,
      ],
      ...(state.brake === undefined ? [] : [['brake', state.brake.why] as const]),
      ['journal', `${events.length} entries, head ${head}`],
    ],
  };
}

/** Before and after of a host: what it was found as, what was done, what proves it now. */
function hostCells(host: HostState): readonly string[] {
  const took = host.startedAt === undefined || host.endedAt === undefined ? '' : duration((host.endedAt - host.startedAt) / 1000);
  const proof = host.proof === undefined ? '' : `${host.proof.verdict} (${host.proof.by.replace('_', ' ')}): ${host.proof.evidence}`;
  const bad =
    host.failure === undefined
      ? ''
      : `${host.failure.kind}: ${host.failure.message}${host.left === undefined ? '' : ` [left: ${host.left}]`}`;
  const refused = host.plan.refused === undefined ? '' : host.plan.refused.why;
  return [host.host, host.plan.verdict, host.plan.remedy, recapRow(host).end, took, harmless(bad || refused || proof)];
}

const columns = ['host', 'was', 'remedy', 'end', 'took', 'proof, or why not'];

export function reportText(input: ReportInput, width: number, paint: Paint): readonly string[] {
  const { title, pairs } = summary(input);
  const state = foldAll(input.events);
  return [
    paint.bold(title),
    ...table(
      pairs.map(([name, value]) => [`  ${name}`, value]),
      width,
    ),
    '',
    ...table([columns.map((column) => paint.bold(column)), ...[...hostStates(state)].map(hostCells)], width),
    ...state.leftOut.map(({ host, failure }) => `${host}  left out  ${failure.kind}: ${failure.message}`),
    '',
    ...recapLines(hostStates(state), state.leftOut, paint),
  ];
}

const escapeCell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

export function reportMarkdown(input: ReportInput): readonly string[] {
  const { title, pairs } = summary(input);
  const state = foldAll(input.events);
  const row = (cells: readonly string[]): string => `| ${cells.map(escapeCell).join(' | ')} |`;
  return [
    `# ${title}`,
    '',
    ...pairs.map(([name, value]) => `- **${name}**: ${value}`),
    '',
    row(columns),
    row(columns.map(() => '---')),
    ...[...hostStates(state)].map((host) => row(hostCells(host))),
    ...state.leftOut.map(({ host, failure }) => row([host, '', '', 'left out', '', `${failure.kind}: ${failure.message}`])),
    '',
    '```',
    ...recapLines(hostStates(state), state.leftOut, uncoloured),
    '```',
  ];
}
