// kmend rollback: from the journal of a run back to what was there before, host by host; refused
// where the journal cannot say.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  eventsOf,
  type Practice,
  play,
  practice,
  remediationPlay,
  sick,
  until,
} from '../cli/practice.ts';

const engine = ['container-selinux-2:2.68-1.el7', 'docker-ce-18.06.1.ce-3.el7'];
const vars = { drain_command: 'true', reboot_stable_for: 1 };

describe('on a fleet', () => {
  let fleet: Practice;
  const hosts = [
    sick('argued', { vars }),
    sick('kept', { vars }),
    {
      name: 'moved',
      flavour: 'el7',
      kernel: '3.10.0-957.el7.x86_64',
      packages: engine,
      vars,
    } as const,
    {
      name: 'upgraded',
      flavour: 'el7',
      kernel: '3.10.0-862.el7.x86_64',
      packages: [...engine, 'kubelet-1.12.3-0'],
      vars,
    } as const,
  ];
  let run = '';
  const cfg = (host: string) =>
    readFileSync(join(fleet.host(host).root, 'boot/grub2/grub.cfg'), 'utf8');

  beforeAll(async () => {
    fleet = await practice(hosts);
    const applied = await fleet.run([
      'apply',
      'playbooks/auto.yaml',
      '--yes',
      '-l',
      '!kept',
      '--max-unavailable',
      '3',
    ]);
    expect(`${applied.exit} ${applied.err}`).toBe('0 ');
    const argued = await fleet.run([
      'apply',
      fleet.file('remediate.yaml', remediationPlay()),
      '--yes',
      '-l',
      'kept',
    ]);
    expect(argued.exit).toBe(0);
    run = fleet.runs()[0] ?? '';
  }, 120_000);
  afterAll(() => fleet.close());

  it('never fleet-wide without --yes; nothing is touched', async () => {
    const { exit, err } = await fleet.run(['rollback', run]);
    expect(exit).toBe(3);
    expect(err).toMatch(/would roll back run \S+ on 3 hosts/);
    expect(fleet.runs()).toHaveLength(2);
  });

  it('--check shows the plan, each host with its own values', async () => {
    const { exit, out } = await fleet.run([
      'rollback',
      run,
      '--check',
      '-l',
      'argued,moved,upgraded',
    ]);
    expect(exit).toBe(2);
    expect(out).toMatch(/package docker-ce: 3:18\.09\.\S+ -> 18\.06\.1\.ce-3\.el7/);
    expect(out).toMatch(/kernel that boots next: 3\.10\.0-1160\S* -> 3\.10\.0-862\.el7\.x86_64/);
    expect(out).toContain('3 hosts to change');
  });

  it('asks although the run was started with --yes; an older version kept that and the tags', async () => {
    const settings = join(fleet.state, 'runs', run, 'settings.json');
    const kept = readFileSync(settings, 'utf8');
    const data = JSON.parse(kept);
    const older = { ...data, flags: { ...data.flags, yes: true, takeover: run, tags: ['none'] } };
    for (const text of [kept, JSON.stringify(older)]) {
      writeFileSync(settings, text);
      const asked = await fleet.run(['rollback', run, '-l', 'argued']);
      expect([asked.exit, asked.out, asked.err]).toEqual([
        3,
        expect.stringContaining('1 host to change'),
        expect.stringMatching(
          /the plan needs a yes, and .*\n {2}hint: read what it does \(kmend rollback .*--check\)/,
        ),
      ]);
    }
    writeFileSync(settings, kept);
    expect(fleet.runs()).toHaveLength(2);
  }, 60_000);

  it('takes a host back and proves it; the others stay', async () => {
    const { exit, out, err } = await fleet.run(['rollback', run, '-l', 'argued', '--yes']);
    expect(`${exit} ${err}`).toBe('0 ');
    expect(out).toContain('1 done');
    expect(cfg('argued')).not.toContain('nokmem');
    expect(cfg('upgraded')).toContain('nokmem');
    expect(fleet.host('argued').boots()).toBe(3);
    expect(eventsOf(fleet.journal(), 'host.done')).toMatchObject([
      { host: 'argued', proven: 'not_asked' },
    ]);
  });

  it('all of them with --yes; who is back already takes no slot', async () => {
    const { exit, err } = await fleet.run(['rollback', run, '--yes']);
    expect(
      `${exit} ${err}${exit === 0 ? '' : (await fleet.run(['report', fleet.runs().at(-1) ?? ''])).out}`,
    ).toBe('0 ');
    expect(eventsOf(fleet.journal(), 'host.started').map((event) => event.host)).toEqual([
      'moved',
      'upgraded',
    ]);
    expect(fleet.host('upgraded').kernel()).toBe('3.10.0-862.el7.x86_64');
    const { out } = await fleet.run(['check', '--json']);
    const moved = out
      .split('\n')
      .map((line) => JSON.parse(line))
      .find(({ host }) => host === 'moved');
    expect([
      moved.facts['docker.evr'],
      moved.facts['cli.evr'],
      moved.facts['containerd.evr'],
    ]).toEqual(['18.06.1.ce-3.el7', '', '']);
    expect(cfg('kept')).toContain('nokmem');
  }, 120_000);

  it('drift does not call a host lost that was rolled back on purpose', async () => {
    const { exit, out } = await fleet.run(['drift', '-i', fleet.fleet.inventoryFile]);
    expect(out).toContain('1 host: 1 kept the remedy');
    expect(exit).toBe(0);
  });

  it('a rollback is saved, carried out, interrupted and resumed as any plan is', async () => {
    const [, second = ''] = fleet.runs();
    const plan = join(fleet.dir, 'back.json');
    expect((await fleet.run(['rollback', second, '-o', plan])).exit).toBe(2);
    const apply = fleet.start(['apply', plan, '--yes']);
    await until('the reboot', () => apply.out().includes('reboot'));
    apply.stop('SIGINT');
    expect((await apply.result).exit).toBe(130);
    const resumed = await fleet.run(['resume', fleet.runs().at(-1) ?? '', '--yes']);
    expect(`${resumed.exit} ${resumed.err}`).toBe('0 ');
    expect(cfg('kept')).not.toContain('nokmem');
    expect(fleet.host('kept').boots()).toBe(3);
  }, 60_000);

  it('a run that is not there is named', async () => {
    expect(await fleet.run(['rollback', 'nope', '--yes'])).toMatchObject({
      exit: 3,
      err: expect.stringContaining('there is no run nope'),
    });
  });
});

describe('variables of the run', () => {
  let fleet: Practice;
  const node = (name: string) => sick(name, { packages: [...engine, 'kubelet-1.12.3-0'] });
  beforeAll(async () => {
    fleet = await practice(['extra', 'played', 'filed', 'needs', 'failed', 'broken'].map(node));
  });
  afterAll(() => fleet.close());
  const drained = (host: string): readonly string[] =>
    readFileSync(join(fleet.host(host).root, 'drained'), 'utf8')
      .trim()
      .split('\n');
  const drain = 'echo {{ by }} >> $KMEND_ROOT/drained';
  const given = (...vars: readonly string[]): readonly string[] =>
    vars.flatMap((one) => ['-e', one]);
  /** Files under the state directory that hold this text. */
  const holding = (text: string): string => {
    try {
      return execFileSync('grep', ['-rl', '--', text, fleet.state], { encoding: 'utf8' });
    } catch {
      return '';
    }
  };
  const newest = (): string => fleet.runs().at(-1) ?? '';

  it('are remembered by a rollback; -e wins; a secret one is in no file, and named', async () => {
    const words = given(
      `{"drain_command": "${drain}", "by": "run"}`,
      'reboot_stable_for=1',
      'api_token=sesame-token',
      'login_password=sesame-pw',
    );
    const applied = await fleet.run([
      'apply',
      'playbooks/auto.yaml',
      '--yes',
      '-l',
      'extra',
      ...words,
    ]);
    expect(`${applied.exit} ${applied.err}`).toBe('0 ');
    const run = newest();
    const planned = await fleet.run(['rollback', run, '--check']);
    expect([planned.exit, planned.err]).toEqual([
      2,
      expect.stringMatching(
        /not kept, because they may be secret: api_token, login_password; give/,
      ),
    ]);
    const plan = join(fleet.dir, 'back.json');
    await fleet.run(['rollback', run, '-o', plan, ...given('api_token=sesame-token')]);
    expect(await fleet.run(['apply', plan, '--yes'])).toMatchObject({
      exit: 8,
      err: expect.stringContaining(
        'not kept, because they may be secret: api_token, login_password',
      ),
    });
    const back = await fleet.run([
      'rollback',
      run,
      '--yes',
      ...given('by=rollback', 'login_password=sesame-pw'),
    ]);
    expect([back.exit, back.err]).toEqual([
      0,
      expect.stringMatching(/may be secret: api_token; give/),
    ]);
    expect(drained('extra')).toEqual(['run', 'rollback']);
    expect(holding('sesame')).toBe('');
    expect(holding('reboot_stable_for')).not.toBe('');
  }, 60_000);

  it('of its play are remembered too, and those of a file by its path', async () => {
    const played = readFileSync('playbooks/auto.yaml', 'utf8').replace(
      '  rollout:',
      `  vars: {drain_command: "${drain}", by: play, reboot_stable_for: 1}\n  rollout:`,
    );
    expect(
      (await fleet.run(['apply', fleet.file('played.yaml', played), '--yes', '-l', 'played'])).exit,
    ).toBe(0);
    expect(await fleet.run(['rollback', newest(), '--yes'])).toMatchObject({ exit: 0, err: '' });
    expect(drained('played')).toEqual(['play', 'play']);
    const vars = fleet.file(
      'vars.yaml',
      `{drain_command: "${drain}", by: file, reboot_stable_for: 1, word: sesame-file}`,
    );
    expect(
      (await fleet.run(['apply', 'playbooks/auto.yaml', '--yes', '-l', 'filed', '-e', `@${vars}`]))
        .exit,
    ).toBe(0);
    const run = newest();
    writeFileSync(vars, readFileSync(vars, 'utf8').replace('by: file', 'by: changed'));
    const plan = join(fleet.dir, 'filed.json');
    expect((await fleet.run(['rollback', run, '-o', plan])).exit).toBe(2);
    expect(await fleet.run(['apply', plan, '--yes'])).toMatchObject({ exit: 0, err: '' });
    expect(drained('filed')).toEqual(['file', 'changed']);
    expect(holding('sesame')).toBe('');
    rmSync(vars);
    expect((await fleet.run(['rollback', run, '--check'])).err).toContain(
      `may be secret: @${vars}`,
    );
  }, 60_000);

  it('a remembered one that needs a secret one refuses the host untouched, and both names are printed', async () => {
    const words = given(
      '{"drain_command": "echo {{ api_token }} > /dev/null"}',
      'api_token=abc',
      'reboot_stable_for=1',
    );
    expect(
      (await fleet.run(['apply', 'playbooks/auto.yaml', '--yes', '-l', 'needs', ...words])).exit,
    ).toBe(0);
    const back = await fleet.run(['rollback', newest(), '--yes']);
    expect([back.exit, back.out, back.err]).toEqual([
      4,
      expect.stringContaining("variable drain_command: 'api_token' is undefined"),
      expect.stringContaining('may be secret: api_token; give with -e'),
    ]);
    expect(fleet.host('needs').boots()).toBe(2);
  }, 60_000);

  it('of a play that rolls back by itself are there in that rollback', async () => {
    const tasks = `    - drain: {command: "{{ drain_command }}"}
    - kernel_arg: {key: cgroup.memory, value: nokmem}
    - shell: {cmd: "false"}
`;
    const rollout = '{brake: {failures: 9}, rollback: failed_host}';
    const path = fleet.file(
      'failed.yaml',
      play(tasks, rollout, `  vars: {drain_command: "${drain}", by: play, reboot_stable_for: 1}\n`),
    );
    const ran = await fleet.run(['apply', path, '--yes', '-l', 'failed']);
    expect([ran.exit, ran.err]).toEqual([
      4,
      expect.stringContaining('failed is as it was before run'),
    ]);
    expect(drained('failed')).toEqual(['play', 'play']);
  }, 60_000);

  it('are remembered by a resume as printed, which names a secret one that it needs', async () => {
    const words = given(
      `{"drain_command": "${drain}", "by": "run"}`,
      'api_token=sesame-token',
      'reboot_stable_for=1',
    );
    const apply = fleet.start(['apply', 'playbooks/auto.yaml', '--yes', '-l', 'broken', ...words]);
    await until('the reboot', () => apply.out().includes('reboot'));
    apply.stop('SIGINT');
    expect((await apply.result).exit).toBe(130);
    const run = newest();
    expect(await fleet.run(['resume', run, '--yes'])).toMatchObject({
      exit: 8,
      err: expect.stringContaining(
        'give the same -e again (not kept, because they may be secret: api_token)',
      ),
    });
    expect(
      await fleet.run(['resume', run, '--yes', ...given('api_token=sesame-token')]),
    ).toMatchObject({ exit: 0 });
    // No digest holds a secret, so one that was renewed meanwhile is no other run.
    expect(await fleet.run(['resume', run, '--yes', ...given('api_token=another')])).toMatchObject({
      exit: 0,
    });
    expect(
      await fleet.run(['resume', run, '--yes', ...given('api_token=another', 'by=hand')]),
    ).toMatchObject({ exit: 8 });
    expect(
      (
        await fleet.run([
          'apply',
          'playbooks/auto.yaml',
          '--yes',
          '-l',
          'broken',
          ...given('by=run', 'word=x'),
        ])
      ).exit,
    ).toBe(0);
    expect(await fleet.run(['resume', newest(), '--yes'])).toMatchObject({ exit: 0, err: '' });
  }, 60_000);
});
