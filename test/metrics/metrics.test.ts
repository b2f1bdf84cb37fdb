// Metrics: each file passes promtool, and no host can write a line of its own into it.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lastHost } from '../../src/app/hosts/last-results.ts';
import type { RunHead } from '../../src/core/view/model.ts';
import type { Facts } from '../../src/model/fact.ts';
import { unknown } from '../../src/model/value.ts';
import type { CheckRow } from '../../src/screens/hosts/check-table.ts';
import { contentTypes, formatFor, metricsText } from '../../src/screens/metrics/exposition.ts';
import { checkFamilies, driftFamilies } from '../../src/screens/metrics/fleet-metrics.ts';
import {
  jobFamilies,
  runFamilies,
  successFamilies,
} from '../../src/screens/metrics/run-metrics.ts';

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
const promtool = (args: readonly string[], input = ''): readonly [number | null, string] => {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' });
  return [status, status === 0 ? '' : `${stdout}${stderr}`];
};

const at = 1_790_000_000_400;
const facts = (verdict: string, remedy: string, used = 100, days: unknown = 99_999): Facts =>
  ({
    'kmem.verdict': verdict,
    'kmem.remedy': remedy,
    'kmem.ids.used': used,
    'kmem.ids.days_left': days,
  }) as Facts;
const hostile = 'node"} 1\n# EOF\nkmend_x 1\\';
const rows: readonly CheckRow[] = [
  { host: 'node-a1', facts: facts('leaking', 'kernel_arg', 31_612, 18.25) },
  { host: hostile, facts: facts('on', 'reboot', 60_000, unknown('there is one reading')) },
  { host: 'node-a3', facts: facts('off', 'none') },
  { host: 'node-a4', facts: { 'kmem.verdict': unknown('no proof') } as Facts },
  { host: 'node-a5', failure: { kind: 'unreachable', message: 'no route' } },
  { host: 'node-a6', failure: { kind: 'auth', message: 'denied' } },
];
const numbers = { inventory: 'fleet/prod.yaml', at, hosts: rows.map(lastHost) };

const head: RunHead = {
  ...{ run: '20261127-101112-abcd', play: 'Take hosts out', playbook: 'auto.yaml', planId: 'p' },
  ...{ by: 'ada', tool: '1.0.0', attended: false, startedAt: at, lastAt: at + 60_000, lastSeq: 9 },
  phase: 'brake',
  counts: {
    ...{ same: 0, planned: 3, waiting: 1, running: 0, soaking: 0, done: 4, failed: 2, refused: 1 },
    left_out: 1,
  },
  brake: { failures: 2, allowed: 1, tripped: { why: '2 of 4 failed', host: 'node-a1' } },
  slots: { held: 2, of: 3, kept: 2 },
  waits: [],
  gates: [{ name: 'prom', open: true, read: 'nothing matches' }],
  needs: [{ kind: 'resolve', text: 'node-a1 failed', command: 'kmend resume' }],
  forecast: { at, from: at + 600_000, to: at + 1_200_000 },
};

const everything = [
  ...checkFamilies(numbers),
  ...checkFamilies({ ...numbers, inventory: 'other' }),
  ...driftFamilies([{ state: 'kept' }, { state: 'lost' }, { state: 'kept' }], 'fleet', at),
  ...runFamilies([head, { ...head, run: 'r2', phase: 'done', exit: 0 }]),
  ...successFamilies([
    { play: 'Fix', startedAt: at, finished: { exit: 0, why: '' } },
    { play: 'Fix', startedAt: at + 5_000, finished: { exit: 4, why: '' } },
  ]),
  ...jobFamilies([
    { name: 'nightly', last: { at, exit: 4 }, succeeded: at - 86_400_000 },
    { name: 'new' },
  ]),
];

describe('the text', () => {
  it('has each host by verdict and remedy, and when its ids run out', () => {
    expect(metricsText(checkFamilies(numbers))).toMatchInlineSnapshot(`
      "# HELP kmend_check_time_seconds When the last check ended, in Unix time.
      # TYPE kmend_check_time_seconds gauge
      kmend_check_time_seconds{inventory="fleet/prod.yaml"} 1790000000
      # HELP kmend_verdict_hosts Hosts by the state of kernel-memory accounting, by the last check.
      # TYPE kmend_verdict_hosts gauge
      kmend_verdict_hosts{inventory="fleet/prod.yaml",verdict="off"} 1
      kmend_verdict_hosts{inventory="fleet/prod.yaml",verdict="on"} 1
      kmend_verdict_hosts{inventory="fleet/prod.yaml",verdict="leaking"} 1
      kmend_verdict_hosts{inventory="fleet/prod.yaml",verdict="at_risk"} 0
      kmend_verdict_hosts{inventory="fleet/prod.yaml",verdict="not_applicable"} 0
      kmend_verdict_hosts{inventory="fleet/prod.yaml",verdict="unknown"} 1
      # HELP kmend_remedy_hosts Hosts by the remedy that they need, by the last check.
      # TYPE kmend_remedy_hosts gauge
      kmend_remedy_hosts{inventory="fleet/prod.yaml",remedy="none"} 1
      kmend_remedy_hosts{inventory="fleet/prod.yaml",remedy="reboot"} 1
      kmend_remedy_hosts{inventory="fleet/prod.yaml",remedy="default_kernel"} 0
      kmend_remedy_hosts{inventory="fleet/prod.yaml",remedy="kernel_arg"} 1
      kmend_remedy_hosts{inventory="fleet/prod.yaml",remedy="kernel_and_arg"} 0
      kmend_remedy_hosts{inventory="fleet/prod.yaml",remedy="runtime"} 0
      kmend_remedy_hosts{inventory="fleet/prod.yaml",remedy="unsupported"} 0
      kmend_remedy_hosts{inventory="fleet/prod.yaml",remedy="unknown"} 1
      # HELP kmend_unread_hosts Hosts that the last check could not read.
      # TYPE kmend_unread_hosts gauge
      kmend_unread_hosts{inventory="fleet/prod.yaml"} 2
      # HELP kmend_cgroup_ids_used Memory cgroup ids in use, of 65534: hosts that use a tenth or whose dead groups grow.
      # TYPE kmend_cgroup_ids_used gauge
      kmend_cgroup_ids_used{inventory="fleet/prod.yaml",host="node-a1"} 31612
      kmend_cgroup_ids_used{inventory="fleet/prod.yaml",host="node\\"} 1⏎# EOF⏎kmend_x 1\\\\"} 60000
      # HELP kmend_cgroup_ids_left_seconds Time from the last check until the memory cgroup ids of the host run out.
      # TYPE kmend_cgroup_ids_left_seconds gauge
      kmend_cgroup_ids_left_seconds{inventory="fleet/prod.yaml",host="node-a1"} 1576800
      "
    `);
  });

  it('has what a run does, needs and is expected to take', () => {
    expect(metricsText(runFamilies([head]))).toMatchInlineSnapshot(`
      "# HELP kmend_run_info The run, its play, and who started it.
      # TYPE kmend_run_info gauge
      kmend_run_info{run="20261127-101112-abcd",play="Take hosts out",by="ada",tool="1.0.0"} 1
      # HELP kmend_run_start_time_seconds When the run began, in Unix time.
      # TYPE kmend_run_start_time_seconds gauge
      kmend_run_start_time_seconds{run="20261127-101112-abcd"} 1790000000
      # HELP kmend_run_phase What the run does: 1 for its phase, 0 for all others.
      # TYPE kmend_run_phase gauge
      kmend_run_phase{run="20261127-101112-abcd",phase="starting"} 0
      kmend_run_phase{run="20261127-101112-abcd",phase="running"} 0
      kmend_run_phase{run="20261127-101112-abcd",phase="waiting"} 0
      kmend_run_phase{run="20261127-101112-abcd",phase="asking"} 0
      kmend_run_phase{run="20261127-101112-abcd",phase="paused"} 0
      kmend_run_phase{run="20261127-101112-abcd",phase="brake"} 1
      kmend_run_phase{run="20261127-101112-abcd",phase="stopping"} 0
      kmend_run_phase{run="20261127-101112-abcd",phase="interrupted"} 0
      kmend_run_phase{run="20261127-101112-abcd",phase="stopped"} 0
      kmend_run_phase{run="20261127-101112-abcd",phase="failed"} 0
      kmend_run_phase{run="20261127-101112-abcd",phase="done"} 0
      # HELP kmend_run_hosts Hosts of the run by their state.
      # TYPE kmend_run_hosts gauge
      kmend_run_hosts{run="20261127-101112-abcd",state="same"} 0
      kmend_run_hosts{run="20261127-101112-abcd",state="planned"} 3
      kmend_run_hosts{run="20261127-101112-abcd",state="waiting"} 1
      kmend_run_hosts{run="20261127-101112-abcd",state="running"} 0
      kmend_run_hosts{run="20261127-101112-abcd",state="soaking"} 0
      kmend_run_hosts{run="20261127-101112-abcd",state="done"} 4
      kmend_run_hosts{run="20261127-101112-abcd",state="failed"} 2
      kmend_run_hosts{run="20261127-101112-abcd",state="refused"} 1
      kmend_run_hosts{run="20261127-101112-abcd",state="left_out"} 1
      # HELP kmend_run_failures Failures that count for the brake.
      # TYPE kmend_run_failures gauge
      kmend_run_failures{run="20261127-101112-abcd"} 2
      # HELP kmend_run_failures_allowed Failures that the brake allows: more of them trip it.
      # TYPE kmend_run_failures_allowed gauge
      kmend_run_failures_allowed{run="20261127-101112-abcd"} 1
      # HELP kmend_run_brake_tripped Whether the brake holds the run back.
      # TYPE kmend_run_brake_tripped gauge
      kmend_run_brake_tripped{run="20261127-101112-abcd"} 1
      # HELP kmend_run_slots Slots of the run: how many there are, are taken, and are kept by failed hosts.
      # TYPE kmend_run_slots gauge
      kmend_run_slots{run="20261127-101112-abcd",slots="all"} 3
      kmend_run_slots{run="20261127-101112-abcd",slots="held"} 2
      kmend_run_slots{run="20261127-101112-abcd",slots="kept"} 2
      # HELP kmend_run_gate_open Whether the gate was open when it was last read.
      # TYPE kmend_run_gate_open gauge
      kmend_run_gate_open{run="20261127-101112-abcd",gate="prom"} 1
      # HELP kmend_run_operator_needs Things of the run that only an operator can settle.
      # TYPE kmend_run_operator_needs gauge
      kmend_run_operator_needs{run="20261127-101112-abcd"} 1
      # HELP kmend_run_end_estimate_seconds When the run is expected to end, in Unix time: earliest and latest.
      # TYPE kmend_run_end_estimate_seconds gauge
      kmend_run_end_estimate_seconds{run="20261127-101112-abcd",bound="earliest"} 1790000600
      kmend_run_end_estimate_seconds{run="20261127-101112-abcd",bound="latest"} 1790001200
      "
    `);
  });

  it('has jobs, drift and the last success', () => {
    expect(metricsText(everything.slice(-4))).toMatchInlineSnapshot(`
      "# HELP kmend_last_success_start_time_seconds When the last run of the play that ended with 0 began, in Unix time.
      # TYPE kmend_last_success_start_time_seconds gauge
      kmend_last_success_start_time_seconds{play="Fix"} 1790000000
      # HELP kmend_job_last_end_time_seconds When the last turn of the job ended, in Unix time.
      # TYPE kmend_job_last_end_time_seconds gauge
      kmend_job_last_end_time_seconds{name="nightly"} 1790000000
      # HELP kmend_job_last_exit_code Exit code of the last turn of the job.
      # TYPE kmend_job_last_exit_code gauge
      kmend_job_last_exit_code{name="nightly"} 4
      # HELP kmend_job_last_success_time_seconds When a turn of the job last ended with 0, in Unix time.
      # TYPE kmend_job_last_success_time_seconds gauge
      kmend_job_last_success_time_seconds{name="nightly"} 1789913600
      "
    `);
  });

  it.skipIf(!hasPromtool)('passes promtool', () => {
    expect(promtool(['check', 'metrics'], metricsText(everything))).toEqual([0, '']);
    // Days are no base unit, so promtool refuses them: the rules make them.
    const days = '# HELP kmend_days_left D.\n# TYPE kmend_days_left gauge\nkmend_days_left 1\n';
    expect(promtool(['check', 'metrics'], days)[0]).toBe(3);
  });

  it('has one HELP for a name, and no two samples with the same labels', () => {
    const lines = metricsText(everything).trimEnd().split('\n');
    const helps = lines.filter((line) => line.startsWith('# HELP'));
    expect(new Set(helps.map((line) => line.split(' ')[2])).size).toBe(helps.length);
    const series = lines
      .filter((line) => !line.startsWith('#'))
      .map((line) => line.slice(0, line.lastIndexOf(' ')));
    expect(new Set(series).size).toBe(series.length);
  });

  it('is OpenMetrics with its end mark where a scrape asks for that', () => {
    expect(formatFor('application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.2')).toBe(
      'openmetrics',
    );
    expect(formatFor('*/*')).toBe('text');
    expect(formatFor(undefined)).toBe('text');
    const families = jobFamilies([{ name: 'new', succeeded: 1_000 }]);
    expect(metricsText(families, 'openmetrics')).toBe(`${metricsText(families)}# EOF\n`);
    expect(contentTypes.openmetrics).toMatch(/^application\/openmetrics-text; version=1\.0\.0/);
  });
});

describe.skipIf(!hasPromtool)('the rules of contrib/prometheus', () => {
  const file = (name: string): string => join('contrib/prometheus', name);
  it('are right, and alert when they should', () => {
    expect(promtool(['check', 'rules', file('kmend-rules.yml')])).toEqual([0, '']);
    expect(promtool(['test', 'rules', file('kmend-rules-test.yml')])).toEqual([0, '']);
  });
});
