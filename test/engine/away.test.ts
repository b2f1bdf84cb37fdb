// Hosts that are unreachable when an operator or a resume returns to them.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { spawnCommand } from '../cli/child.ts';
import {
  eventsOf,
  type Practice,
  practice,
  remediationPlay,
  sick,
  until,
} from '../cli/practice.ts';

let lab: Practice;
beforeAll(async () => {
  lab = await practice([sick('slow'), sick('lost'), sick('never')], { downSeconds: 0.3 });
});
afterAll(() => lab.close());

/**
 * Applies to one host until its reboot is journalled and the host is down, and kills the controller
 * then.
 */
async function killedWhileAway(host: string, timeout: string): Promise<string> {
  const path = lab.file(
    `${host}.yaml`,
    remediationPlay('{}', `{timeout: ${timeout}, stable_for: 1s}`).replace(
      'hosts: all',
      `hosts: ${host}`,
    ),
  );
  const before = lab.runs().length;
  const child = await spawnCommand(
    ['apply', path, '-i', lab.fleet.inventoryFile, '--yes', '--state-dir', lab.state],
    `${lab.dir}/home`,
  );
  await until(`${host} is away`, () => lab.runs().length > before && !lab.host(host).isUp());
  child.signal('SIGKILL');
  await child.ended;
  return lab.runs().at(-1) ?? '';
}

describe('resume, while the host is still away', () => {
  it('waits for it as long as its reboot may take, and does not reboot it again', async () => {
    lab.fleet.set('slow', 'never', true);
    const run = await killedWhileAway('slow', '60s');
    const resumed = lab.run(['resume', run]);
    // Longer than the retries of a lost connection take.
    await sleep(7000);
    lab.fleet.set('slow', 'never', undefined);
    lab.fleet.power('slow');
    expect(await resumed).toMatchObject({ exit: 0, err: '' });
    expect([
      lab.host('slow').boots(),
      eventsOf(lab.journal(run), 'host.done', 'slow').map(({ proven }) => proven),
    ]).toEqual([2, ['yes']]);
  }, 60_000);

  it('and no longer: it did not come back', async () => {
    lab.fleet.set('lost', 'never', true);
    const run = await killedWhileAway('lost', '3s');
    const resumed = await lab.run(['resume', run]);
    const [failed] = eventsOf(lab.journal(run), 'host.failed', 'lost');
    expect([resumed.exit, failed?.failure]).toMatchObject([
      6,
      { kind: 'unreachable', message: expect.stringMatching(/did not come back within \d+ s/) },
    ]);
  }, 60_000);
});

describe('a host that failed during its reboot', () => {
  it('is remediated after `resolve --as retry`: it is proven, and not rebooted a second time', async () => {
    lab.fleet.set('never', 'never', true);
    const path = lab.file(
      'never.yaml',
      remediationPlay('{brake: {failures: 5}}', '{timeout: 2s, stable_for: 1s}').replace(
        'hosts: all',
        'hosts: never',
      ),
    );
    expect((await lab.run(['apply', path, '--yes'])).exit).toBe(6);
    const run = lab.runs().at(-1) ?? '';
    lab.fleet.set('never', 'never', undefined);
    lab.fleet.power('never');
    await until('it is up again', () => lab.host('never').isUp());
    expect((await lab.run(['resolve', run, 'never', '--as', 'retry'])).exit).toBe(0);
    expect(await lab.run(['resume', run])).toMatchObject({ exit: 0, err: '' });
    expect([
      lab.host('never').boots(),
      eventsOf(lab.journal(run), 'host.done', 'never').map(({ proven }) => proven),
    ]).toEqual([2, ['yes']]);
  }, 60_000);
});
