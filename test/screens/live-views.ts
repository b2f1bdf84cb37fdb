// Hand-made views of runs.
import type { HostRow, RowStatus, RunHead, RunView } from '../../src/core/view/model.ts';

export const noon = Date.UTC(2026, 10, 27, 12, 0, 0);
export const minute = 60_000;
export const run = '20261127-105400-r740';

export const countsOf = (hosts: readonly HostRow[]): RunHead['counts'] => {
  const of = (status: RowStatus): number => hosts.filter((row) => row.status === status).length;
  return {
    same: of('same'),
    planned: of('planned'),
    waiting: of('waiting'),
    running: of('running'),
    soaking: of('soaking'),
    done: of('done'),
    failed: of('failed'),
    refused: of('refused'),
    left_out: of('left_out'),
  };
};

export const viewOf = (
  hosts: readonly HostRow[],
  head: Partial<RunHead> = {},
  rest: Partial<Omit<RunView, 'head' | 'hosts'>> = {},
): RunView => ({
  head: {
    run,
    play: 'Take hosts out of kernel-memory accounting',
    playbook: 'auto.yaml',
    planId: 'p',
    by: 'ada',
    tool: 'kmend 0.1.0',
    attended: true,
    startedAt: noon - 6 * minute,
    lastAt: noon,
    lastSeq: 42,
    phase: 'running',
    counts: countsOf(hosts),
    brake: { failures: 0, allowed: 0 },
    slots: { held: 2, of: 2, kept: 0 },
    waits: [],
    gates: [],
    needs: [],
    ...head,
  },
  zones: [{ name: 'eu-1a', hosts: hosts.length }],
  lines: [],
  done: [],
  planned: [],
  hosts,
  ...rest,
});

export const row = (host: string, status: RowStatus, more: Partial<HostRow> = {}): HostRow => ({
  host,
  status,
  zone: 0,
  steps: [],
  ...more,
});

export const running = (
  host: string,
  text: string,
  taken: number,
  more: Partial<HostRow> = {},
): HostRow =>
  row(host, 'running', {
    startedAt: noon - taken * 1000,
    doing: { text, since: noon - taken * 1000 },
    ...more,
  });

export const done = (host: string, at: number, more: Partial<HostRow> = {}): HostRow =>
  row(host, 'done', {
    endedAt: at,
    proof: { verdict: 'off', by: 'reading', evidence: 'EIO on 17 of 17, 5 memory-limited' },
    ...more,
  });

export const failed = (host: string, at: number, more: Partial<HostRow> = {}): HostRow =>
  row(host, 'failed', {
    endedAt: at,
    reason: { kind: 'timeout', text: 'did not come back within 20m' },
    keepsSlot: true,
    ...more,
  });
