// The hosts of a run as CSV (RFC 4180), for spreadsheets.
import type { HostRow, RunView } from '../../core/view/model.ts';
import { harmless } from '../../model/text/printable.ts';

const columns = [
  'host',
  'zone',
  'wave',
  'verdict_before',
  'remedy',
  'status',
  'started',
  'ended',
  'seconds',
  'verdict',
  'proof_by',
  'evidence',
  'reason_kind',
  'reason',
  'left',
  'rescued_after',
];

/** Spreadsheets would carry out a cell that begins like a formula: the quote makes it text. */
const cell = (value: string): string => {
  const safe = harmless(value).replace(/^[=+\-@\t]/, "'$&");
  return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

const time = (at: number | undefined): string =>
  at === undefined ? '' : new Date(at).toISOString();

function fields(row: HostRow, zone: string): readonly string[] {
  const { startedAt, endedAt, proof, reason } = row;
  return [
    row.host,
    zone,
    row.wave === undefined ? '' : String(row.wave),
    row.before ?? '',
    row.remedy ?? '',
    row.status,
    time(startedAt),
    time(endedAt),
    startedAt === undefined || endedAt === undefined ? '' : String((endedAt - startedAt) / 1000),
    proof?.verdict ?? '',
    proof?.by ?? '',
    proof?.evidence ?? '',
    reason?.kind ?? '',
    reason?.text ?? '',
    row.left ?? '',
    row.rescued?.after ?? '',
  ];
}

export const reportCsv = ({ hosts, zones }: RunView): string =>
  [columns, ...hosts.map((row) => fields(row, zones[row.zone]?.name ?? ''))]
    .map((line) => `${line.map(cell).join(',')}\r\n`)
    .join('');
