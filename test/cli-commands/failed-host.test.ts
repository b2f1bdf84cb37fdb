// rollback: failed_host on a practice fleet: a failed host is rolled back by itself, the others stay
// remediated, the run stays as it is.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventsOf, type Practice, play, practice, sick } from '../cli/practice.ts';

let fleet: Practice;
const vars = { reboot_stable_for: 1 };
beforeAll(async () => {
  fleet = await practice(
    ['good', 'early', 'late', 'dark', 'other', 'again'].map((name) => sick(name, { vars })),
  );
});
afterAll(() => fleet.close());

const cfg = (host: string): string =>
  readFileSync(join(fleet.host(host).root, 'boot/grub2/grub.cfg'), 'utf8');
const tasks = `    - kernel_arg: {key: cgroup.memory, value: nokmem}
    - shell: {cmd: "test {{ inventory_hostname }} != early"}
    - reboot: {when_pending: true, timeout: 3s, stable_for: 1s}
    - verify_kmem: {timeout: 10s}
    - shell: {cmd: "test {{ inventory_hostname }} != late"}
`;
const book = (name: string, policy: string, hosts: string): string =>
  fleet.file(
    `${name}.yaml`,
    play(tasks, `{max_unavailable: 2, brake: {failures: 9}, rollback: ${policy}}`).replace(
      'hosts: all',
      `hosts: ${hosts}`,
    ),
  );

describe('a failed host', () => {
  it('is rolled back alone and proven, before its reboot and after; it stays a failure of its run', async () => {
    const ran = await fleet.run([
      'apply',
      book('three', 'failed_host', 'good,early,late'),
      '--yes',
    ]);
    expect(ran.exit, ran.out + ran.err).toBe(4);
    const [run = '', ...backs] = fleet.runs();
    expect(
      eventsOf(fleet.journal(run), 'host.failed')
        .map(({ host }) => host)
        .sort(),
    ).toEqual(['early', 'late']);
    expect(
      backs.map((back) =>
        eventsOf(fleet.journal(back), 'host.done').map(({ host, changed }) => [host, changed]),
      ),
    ).toEqual([[['early', true]], [['late', true]]]);
    expect(
      ['good', 'early', 'late'].map((host) => [
        cfg(host).includes('nokmem'),
        fleet.host(host).boots(),
      ]),
    ).toEqual([
      [true, 2],
      [false, 1],
      [false, 3],
    ]);
    expect(ran.err).toContain('early failed and is rolled back (rollback: failed_host)');
    expect(ran.err).toContain(
      `late is as it was before run ${run}; check it, then: kmend resolve ${run} --state-dir ${fleet.state} late`,
    );
    expect((await fleet.run(['runs', 'show', run])).out).toMatch(/early +on +kernel_arg +\w/);
  }, 60_000);

  it('is not rolled back a second time by a resume, and is free once an operator has acknowledged it', async () => {
    const [run = ''] = fleet.runs();
    const before = fleet.runs().length;
    expect((await fleet.run(['resume', run, '--yes'])).exit).toBe(4);
    expect(fleet.runs()).toHaveLength(before);
    expect(readFileSync(join(fleet.host('late').root, 'var/lib/kmend/fence'), 'utf8')).toMatch(
      /closed$/m,
    );
  }, 30_000);

  it('is held by the run that rolled it back: a retry takes it over by name, remediates and proves it', async () => {
    const bad = join(fleet.host('again').root, 'bad');
    writeFileSync(bad, '');
    const path = book('again', 'failed_host', 'again');
    const text = readFileSync(path, 'utf8').replace(
      'test {{ inventory_hostname }} != late',
      'test ! -e $KMEND_ROOT/bad',
    );
    const before = fleet.runs();
    expect((await fleet.run(['apply', fleet.file('again.yaml', text), '--yes'])).exit).toBe(4);
    const [run = '', back = ''] = fleet.runs().filter((one) => !before.includes(one));
    rmSync(bad);
    const retry = (more: readonly string[]) =>
      fleet.run(['resume', run, '--retry', 'again', '--yes', ...more]);
    const refused = await retry([]);
    expect([refused.exit, refused.out]).toEqual([4, expect.stringContaining(`--takeover ${back}`)]);
    expect([cfg('again').includes('nokmem'), fleet.host('again').boots()]).toEqual([false, 3]);
    expect((await retry(['--takeover', back])).exit).toBe(0);
    expect(eventsOf(fleet.journal(run), 'host.done', 'again').map(({ proven }) => proven)).toEqual([
      'yes',
    ]);
    expect([cfg('again').includes('nokmem'), fleet.host('again').boots()]).toEqual([true, 4]);
  }, 60_000);

  it('is named where it cannot be rolled back: it does not answer', async () => {
    fleet.fleet.set('dark', 'never', true);
    const ran = await fleet.run(['apply', book('dark', 'failed_host', 'dark'), '--yes', '-T', '1']);
    expect(ran.exit).toBe(6);
    const run = fleet.runs().find((one) => fleet.journalText(one).includes('dark.yaml')) ?? '';
    expect(ran.err).toMatch(
      new RegExp(
        `dark was NOT rolled back \\(exit 6\\); check it, then by hand: kmend rollback ${run} --state-dir .+ -l dark`,
      ),
    );
  }, 60_000);

  it('stays as it is where the policy does not say so', async () => {
    const before = fleet.runs().length;
    const path = book('plain', 'by_command', 'other');
    const text = readFileSync(path, 'utf8').replaceAll('early', 'other');
    const ran = await fleet.run(['apply', fleet.file('plain.yaml', text), '--yes']);
    expect([ran.exit, fleet.runs().length - before, cfg('other').includes('nokmem')]).toEqual([
      4,
      1,
      true,
    ]);
  }, 30_000);
});
