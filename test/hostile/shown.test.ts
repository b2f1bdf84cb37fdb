// What is concluded from one host's facts and journal, and shown of it, may throw: the other hosts
// are shown all the same.
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { type Practice, practice, remediationPlay, sick } from '../cli/practice.ts';

const poison = vi.hoisted(() => ({ host: '' }));
/** Throws over the poisoned host. */
const check = vi.hoisted(() => (host: unknown): void => {
  if (poison.host !== '' && host === poison.host) throw new RangeError('poison');
});
vi.mock('../../src/core/history/drift-report.ts', async (original) => {
  const real = await original<typeof import('../../src/core/history/drift-report.ts')>();
  const hostDrift: typeof real.hostDrift = (host, remediated, read) => {
    if ('facts' in read) check(host);
    return real.hostDrift(host, remediated, read);
  };
  return { ...real, hostDrift };
});
vi.mock('../../src/core/history/rollback.ts', async (original) => {
  const real = await original<typeof import('../../src/core/history/rollback.ts')>();
  const rollbackOf: typeof real.rollbackOf = (run, hostChanges, later) => {
    check(hostChanges.host);
    return real.rollbackOf(run, hostChanges, later);
  };
  return { ...real, rollbackOf };
});
vi.mock('../../src/screens/hosts/check-details.ts', async (original) => {
  const real = await original<typeof import('../../src/screens/hosts/check-details.ts')>();
  const hostDetails: typeof real.hostDetails = (row, width, paint) => {
    if (row.facts !== undefined) check(row.host);
    return real.hostDetails(row, width, paint);
  };
  return { ...real, hostDetails };
});
vi.mock('../../src/screens/run/lines.ts', async (original) => {
  const real = await original<typeof import('../../src/screens/run/lines.ts')>();
  const eventLines: typeof real.eventLines = (event, paint) => {
    check('host' in event ? event.host : '');
    return real.eventLines(event, paint);
  };
  return { ...real, eventLines };
});

let lab: Practice;
beforeAll(async () => {
  lab = await practice([sick('good'), sick('bad')]);
}, 60_000);
afterAll(() => lab.close());
afterEach(() => {
  poison.host = '';
});

it('a run goes on where its events cannot be shown, and the journal has them; rollback and drift do the other hosts', async () => {
  poison.host = 'bad';
  const done = await lab.run([
    'apply',
    lab.file('fix.yaml', remediationPlay('{max_unavailable: 2}')),
    '--yes',
  ]);
  expect(done.exit).toBe(0);
  expect(done.err).toMatch(
    /^warning: entry \d+ of the journal \(host\.started\) cannot be shown: RangeError: poison$/m,
  );
  expect(done.out).toMatch(/ good +done/);
  const [run = ''] = lab.runs();

  const back = await lab.run(['rollback', run, '--check', '-i', lab.fleet.inventoryFile]);
  expect(back.exit).toBe(4);
  expect(`${back.out}${back.err}`).toMatch(
    /bad.*kmend cannot handle what the journals say of bad: RangeError: poison/,
  );
  expect(back.out).toMatch(/good/);

  const drift = await lab.run(['drift', '-i', lab.fleet.inventoryFile]);
  expect(drift.exit).toBe(4);
  expect(drift.out).toMatch(/^bad .*kmend cannot handle the facts of bad: RangeError: poison/m);
  expect(drift.out).toMatch(/^good .*kept/m);
}, 60_000);

it('check shows the others beside a host whose facts cannot be shown, and counts it as not read', async () => {
  poison.host = 'bad';
  const { out, err, exit } = await lab.run(['check', '-v']);
  expect([exit, err]).toEqual([4, '']);
  expect(out).toMatch(/^ +kmend cannot handle the facts of bad: RangeError: poison$/m);
  expect(out).toMatch(/^2 hosts: 1 .*, 1 could not be read/m);
});
