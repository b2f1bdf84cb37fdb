// kmend schedule: named jobs, their units, and a job's turn: nobody is asked, its own interrupted
// run goes first.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { readCalendar } from '../../src/core/rollout/cron-line.ts';
import { hashOf } from '../../src/engine/state/chain.ts';
import { cronLine, systemdUnits } from '../../src/screens/schedule-units.ts';
import { type Practice, practice, remediationPlay, sick, until } from '../cli/practice.ts';
import { command } from '../cli/real-world.ts';

describe('when a job runs', () => {
  it.each<[string, string | undefined]>([
    ['Mon..Fri 22:00', '0 22 * * 1-5'],
    ['sat,Sun 3:05', '5 3 * * 6,0'],
    ['Fri..Sun 23:30', '30 23 * * 5-7'],
    ['daily', '0 0 * * *'],
    ['*:0/15', '*/15 * * * *'],
    ['*-*-* 02:30:00 Europe/Berlin', '30 2 * * *'],
    ['*-*-01 02:30', '30 2 1 * *'],
    ['Mon *-*-01 02:30', undefined],
    ['*-*~1 02:30', undefined],
    ['22:00:30', undefined],
    ['Sat..Mon 03:00', undefined],
    ['0/2:00', '0 */2 * * *'],
  ])('%s is %s in cron', (every, cron) => expect(readCalendar(every)?.cron).toBe(cron));

  it.each(['', 'now and then', '22:00; reboot', 'Mon 22:00\nExecStart=/bin/sh', '$(reboot)'])(
    '%j is no calendar',
    (text) => expect(readCalendar(text)).toBeUndefined(),
  );
});

const scratch = (): string => {
  const dir = mkdtempSync(join(tmpdir(), 'kmend-schedule-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
};

describe('units', () => {
  const job = {
    name: 'nightly',
    calendar: { every: 'Mon..Fri 22:00', cron: '0 22 * * 1-5' },
    command: ['/bin/true', 'schedule', 'run', 'nightly', '--state-dir', '/var/lib/my state/100%'],
    directory: '/srv',
    what: 'kmend apply auto.yaml',
  };

  const analyze = existsSync('/usr/bin/systemd-analyze');
  it.skipIf(!analyze)(
    `pass systemd-analyze verify (${analyze ? 'there' : 'needs systemd-analyze'})`,
    () => {
      const dir = scratch();
      const { service, timer } = systemdUnits(job);
      writeFileSync(join(dir, 'kmend-nightly.service'), service);
      writeFileSync(join(dir, 'kmend-nightly.timer'), timer);
      const verify = (): string => {
        const ran = spawnSync(
          'systemd-analyze',
          [
            'verify',
            '--man=no',
            join(dir, 'kmend-nightly.timer'),
            join(dir, 'kmend-nightly.service'),
          ],
          {
            encoding: 'utf8',
            env: { ...process.env, SYSTEMD_UNIT_PATH: `${dir}:` },
          },
        );
        return `${ran.status} ${ran.stderr}`;
      };
      expect(verify()).toMatch(/^0 /);
      expect(verify()).not.toContain('kmend-nightly');
      writeFileSync(join(dir, 'kmend-nightly.timer'), timer.replace('22:00', '25:99'));
      expect(verify()).toContain('kmend-nightly.timer');
    },
  );

  it('quote for systemd and for cron', () => {
    const hostile = systemdUnits({
      ...job,
      what: 'kmend check a\nExecStartPre=touch x\r%n \\',
    }).service;
    expect(hostile).toContain(': kmend check a ExecStartPre=touch x %%n\nDocumentation=');
    expect(systemdUnits(job).service).toContain(
      'ExecStart=/bin/true schedule run nightly --state-dir "/var/lib/my state/100%%"\n',
    );
    expect(cronLine(job)).toBe(
      "0 22 * * 1-5 cd /srv && /bin/true schedule run nightly --state-dir '/var/lib/my state/100\\%'",
    );
    expect(
      cronLine({ ...job, calendar: { every: 'x', cron: '0 1 * * *', zone: 'Europe/Berlin' } }),
    ).toMatch(/^CRON_TZ=Europe\/Berlin\n0 1 /);
  });
});

describe('a job of a kmend in the cache of a package manager', () => {
  const words = (as: string, home: string) => [
    ...['schedule', 'install', 'nightly', '--every', 'daily', '--as', as, '--image', 'x'],
    ...['--state-dir', join(home, 'state'), '--', 'check'],
  ];
  const caches = [
    '/root/.npm/_npx/4cf303ac3eeadc00/node_modules/.bin/kmend',
    '/root/.cache/pnpm/dlx/abc/pkg/node_modules/.bin/kmend',
    '/tmp/xfs-1a2b/dlx-77/node_modules/.bin/kmend',
    '/tmp/bunx-0-kmend@latest/node_modules/.bin/kmend',
  ];
  it.each(caches.flatMap((program) => ['systemd', 'cron'].map((as) => [as, program] as const)))(
    'is refused for %s: %s',
    async (as, program) => {
      const home = scratch();
      const { exit, out, err } = await command(words(as, home), { home, program });
      expect([exit, out]).toEqual([3, '']);
      expect(err).toContain(`would lose it: ${program}\n`);
      expect(err).toContain('npm install --global kmend');
      expect(existsSync(join(home, 'state', 'jobs'))).toBe(false);
    },
  );

  it.each([
    ['systemd', '/usr/local/bin/kmend'],
    ['systemd', '/srv/my_npx/dlxs/kmend'],
    ['kubernetes', caches[0] ?? ''],
  ])('is fine for %s with %s', async (as, program) => {
    const home = scratch();
    expect((await command(words(as, home), { home, program })).exit).toBe(0);
  });
});

it('a CronJob is refused where the state is a database: its volume would be another state', async () => {
  const { exit, out, err } = await command(
    [
      ...['schedule', 'install', 'nightly', '--every', 'daily', '--as', 'kubernetes'],
      ...['--image', 'x', '--state', 'postgres://127.0.0.1:1/kmend', '--', 'check'],
    ],
    { home: scratch() },
  );
  expect([exit, out]).toEqual([3, '']);
  expect(err).toContain('--as worker');
});

it('a CronJob keeps the name of a playbook that comes with kmend', async () => {
  const home = scratch();
  const { exit, out } = await command(
    [
      ...['schedule', 'install', 'nightly', '--every', 'daily', '--as', 'kubernetes'],
      ...['--image', 'x', '--state-dir', join(home, 'state'), '--', 'apply', '@scheduled'],
    ],
    { home },
  );
  expect([exit, out]).toEqual([0, expect.stringContaining('"--","apply","@scheduled"')]);
});

describe('install', () => {
  const run = (home: string, ...args: readonly string[]) =>
    command(['schedule', ...args, '--state-dir', join(home, 'state')], { home });
  const install = (
    home: string,
    flags: readonly string[],
    words: readonly string[] = ['apply', 'auto.yaml', '-i', 'inv.yaml', '-l', 'pool a'],
  ) =>
    command(
      [
        'schedule',
        'install',
        'nightly',
        '--every',
        'Mon..Fri 22:00',
        '--state-dir',
        join(home, 'state'),
        ...flags,
        '--',
        ...words,
      ],
      {
        home,
      },
    );

  it('prints the units and writes none of them; list and remove know the job', async () => {
    const home = scratch();
    const { exit, out } = await install(home, ['--user']);
    expect(exit).toBe(0);
    expect(out).toContain('OnCalendar=Mon..Fri 22:00');
    expect(out).toContain(`schedule run nightly --state ${home}/state`);
    expect(out).toContain(
      '# systemctl --user daemon-reload && systemctl --user enable --now kmend-nightly.timer',
    );
    expect(existsSync(join(home, '.config'))).toBe(false);
    expect((await run(home, 'list')).out).toMatch(
      /nightly +Mon\.\.Fri 22:00 +20\S+ 22:00:00 UTC +a timer +never +kmend apply auto\.yaml -i inv\.yaml -l pool a/,
    );
    expect((await run(home, 'remove', 'nightly')).exit).toBe(0);
    expect(await run(home, 'remove', 'nightly')).toMatchObject({
      exit: 3,
      err: expect.stringContaining('there is no job nightly'),
    });
  });

  it('writes units on request, and removes them again', async () => {
    const home = scratch();
    const timer = join(home, '.config/systemd/user/kmend-nightly.timer');
    expect((await install(home, ['--user', '--write'])).exit).toBe(0);
    expect(readFileSync(timer, 'utf8')).toContain('OnCalendar=Mon..Fri 22:00');
    expect((await run(home, 'remove', 'nightly')).out).toContain(
      'systemctl --user disable --now kmend-nightly.timer',
    );
    expect(existsSync(timer)).toBe(false);
  });

  it.each<[string, readonly string[], readonly string[] | undefined, string]>([
    ['a time that is none', ['--every', 'at noon'], undefined, '--every does not understand'],
    ['a command that is none', [], ['uncordon', 'n1'], 'a job runs apply, check, drift or plan'],
    ['a question', [], ['apply', 'p.yaml', '-K'], '-K asks for a password'],
    ['another scheduler', ['--as', 'at'], undefined, '--as is worker, systemd, cron or kubernetes'],
    ['workers of a directory', ['--as', 'worker'], undefined, 'workers need a database'],
    ['a CronJob without an image', ['--as', 'kubernetes'], undefined, 'needs --image'],
    [
      'a time zone where CronJobs have none',
      [
        '--as',
        'kubernetes',
        '--image',
        'i',
        '--kubernetes-version',
        '1.24',
        '--every',
        'Mon..Fri 22:00 Europe/Berlin',
      ],
      ['drift'],
      'a CronJob of Kubernetes 1.24 has no time zone',
    ],
    [
      'a version that is none',
      ['--as', 'kubernetes', '--image', 'i', '--kubernetes-version', 'new'],
      ['drift'],
      '--kubernetes-version does not understand `new`',
    ],
  ])('refuses %s', async (_, flags, words, why) => {
    const { exit, err } = await install(scratch(), flags, words);
    expect(`${exit} ${err}`).toContain(why);
    expect(exit).toBe(3);
  });

  it('a CronJob: forbids a second one, carries the files, has an account of its own and a volume', async () => {
    const home = scratch();
    writeFileSync(join(home, 'auto.yaml'), '- name: x\n  hosts: all\n\n  tasks: []\n');
    writeFileSync(join(home, 'inv.yaml'), 'all: {hosts: {a: {}}}');
    const { exit, out } = await install(
      home,
      ['--as', 'kubernetes', '--image', 'registry.example/kmend:1'],
      ['apply', 'auto.yaml', '-i', 'inv.yaml'],
    );
    expect(exit).toBe(0);
    expect(out).toContain('apiVersion: batch/v1\nkind: CronJob');
    const documents = parseAllDocuments(out);
    expect(documents.flatMap((one) => one.errors)).toEqual([]);
    const objects = documents.map((one) => one.toJS());
    expect(objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      'ClusterRole kmend-rollout',
      'ClusterRole kmend-forecast',
      'Role kmend-events',
      'ClusterRole kmend-surge',
      'ServiceAccount kmend-nightly',
      'ClusterRoleBinding kmend-nightly-rollout',
      'ClusterRoleBinding kmend-nightly-forecast',
      'Role kmend-nightly',
      'RoleBinding kmend-nightly',
      'PersistentVolumeClaim kmend-nightly',
      'ConfigMap kmend-nightly',
      'CronJob kmend-nightly',
    ]);
    const [config, cron] = objects.slice(-2);
    expect(config.data).toMatchObject({
      'auto.yaml': '- name: x\n  hosts: all\n\n  tasks: []\n',
      'inv.yaml': 'all: {hosts: {a: {}}}',
    });
    expect([cron.spec.schedule, cron.spec.concurrencyPolicy]).toEqual(['0 22 * * 1-5', 'Forbid']);
    const [container] = cron.spec.jobTemplate.spec.template.spec.containers;
    expect(container.args.slice(0, 10)).toEqual([
      ...['schedule', 'run', 'nightly', '--state-dir', '/state', '--', 'apply'],
      ...['/etc/kmend/job/auto.yaml', '-i', '/etc/kmend/job/inv.yaml'],
    ]);
    // A lock names its pod, and the next pod may ask whether that is dead.
    const field = (name: string, fieldPath: string) => ({
      name,
      valueFrom: { fieldRef: { fieldPath } },
    });
    expect(container.env.slice(-4)).toEqual([
      field('KMEND_POD_NAMESPACE', 'metadata.namespace'),
      field('KMEND_POD_NAME', 'metadata.name'),
      field('KMEND_POD_UID', 'metadata.uid'),
      field('KMEND_NODE_NAME', 'spec.nodeName'),
    ]);
    expect(
      objects.find(({ kind, metadata }) => kind === 'Role' && metadata.name === 'kmend-nightly')
        ?.rules,
    ).toEqual([{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }]);
  });
});

describe("a job's turn", () => {
  let fleet: Practice;
  beforeAll(async () => {
    fleet = await practice([sick('h1'), sick('h2')], { downSeconds: 1 });
    mkdirSync(join(fleet.dir, 'elsewhere'));
    const words = [
      'apply',
      fleet.file('nightly.yaml', remediationPlay()),
      '-i',
      fleet.fleet.inventoryFile,
    ];
    const installed = await fleet.run([
      'schedule',
      'install',
      'nightly',
      '--every',
      'daily',
      '--as',
      'cron',
      '--state-dir',
      fleet.state,
      '--',
      ...words,
    ]);
    expect(installed.err).toBe('');
  });
  afterAll(() => fleet.close());
  const turn = () => fleet.start(['schedule', 'run', 'nightly']);

  it('asks nobody; interrupted by a signal, it goes on with that run the next time', async () => {
    const first = turn();
    await until('the first host', () => first.out().includes('h1'));
    first.stop('SIGTERM');
    expect((await first.result).exit).toBe(143);
    const [interrupted = ''] = fleet.runs();
    const second = await turn().result;
    expect(second.out).toContain(`run ${interrupted} was interrupted, it goes on first`);
    expect(second.exit).toBe(0);
    expect(fleet.runs()).toEqual([interrupted]);
    expect([fleet.host('h1').boots(), fleet.host('h2').boots()]).toEqual([2, 2]);
  }, 60_000);

  it('says one line where nothing is to do, and starts no run', async () => {
    const before = fleet.runs().length;
    expect(await turn().result).toMatchObject({
      exit: 0,
      out: 'job nightly: nothing to do on 2 hosts',
    });
    expect(fleet.runs()).toHaveLength(before);
    const list = (await fleet.run(['schedule', 'list'])).out;
    expect(list).toMatch(/nightly +daily +20\S+ 00:00:00 UTC +a timer +20\S+ \S+ UTC, exit 0/);
  });
});

describe("a job's turn after several interruptions", () => {
  let fleet: Practice;
  beforeAll(async () => {
    fleet = await practice([sick('a'), sick('b'), sick('c')], { downSeconds: 1 });
  });
  afterAll(() => fleet.close());

  /** A run of the job on one host that a signal ends. */
  const interrupted = async (playbook: string, host: string): Promise<string> => {
    const run = fleet.start(['apply', playbook, '-l', host, '--yes', '--job', 'many']);
    await until(host, () => run.out().includes(`${host} [The argument]`));
    run.stop('SIGTERM');
    expect((await run.result).exit).toBe(143);
    return fleet.runs().at(-1) ?? '';
  };

  it('goes on with all of them, the oldest first, reports how each ended, and begins nothing new after a failure', async () => {
    const playbook = fleet.file('nightly.yaml', remediationPlay('{max_unavailable: 3}'));
    const [older, newer] = [await interrupted(playbook, 'a'), await interrupted(playbook, 'b')];
    const person = fleet.start(['apply', playbook, '-l', 'c', '--yes', '--job', 'many']);
    await until('c', () => person.out().includes('c [The argument]'));
    const aborted = fleet.runs().at(-1) ?? '';
    await fleet.run(['abort', aborted, '--why', 'not tonight']);
    expect((await person.result).exit).toBe(130);
    fleet.fleet.set('a', 'never', true);
    const files = [
      'apply',
      fleet.file('nightly.yaml', remediationPlay('{max_unavailable: 3}')),
      '-i',
      fleet.fleet.inventoryFile,
    ];
    const turn = await fleet.run([
      'schedule',
      'run',
      'many',
      '--state-dir',
      fleet.state,
      '--',
      ...files,
    ]);
    const lines = turn.out.split('\n').filter((line) => line.startsWith('job many'));
    expect([turn.exit, lines]).toEqual([
      6,
      [
        `job many: run ${older} was interrupted, it goes on first`,
        `job many: run ${older} ended with exit 6, see \`kmend report ${older} --state-dir ${fleet.state}\``,
        `job many: run ${newer} was interrupted, it goes on first`,
        `job many: run ${newer} ended with exit 0`,
      ],
    ]);
    expect(fleet.runs()).toEqual([older, newer, aborted]);
    expect([fleet.host('b').boots(), fleet.host('c').boots()]).toEqual([2, 1]);
  }, 90_000);
});

describe('a night of scheduled.yaml', () => {
  it('remediates the hosts that are there, one at a time, and names the one that is absent', async () => {
    const fleet = await practice([sick('h1'), sick('h2')]);
    onTestFinished(() => fleet.close());
    const absent = fleet.file(
      'absent.yaml',
      'all: {hosts: {gone: {ansible_host: 127.0.0.1, ansible_port: 1}}}\n',
    );
    const notices = join(fleet.dir, 'notices');
    const flags = [
      '--every',
      'daily',
      '--as',
      'cron',
      '--state-dir',
      fleet.state,
      '--notify-command',
      `cat >> ${notices}`,
    ];
    const words = [
      'apply',
      'playbooks/scheduled.yaml',
      '-i',
      fleet.fleet.inventoryFile,
      '-i',
      absent,
      '-e',
      'reboot_stable_for=1',
    ];
    await fleet.run(['schedule', 'install', 'night', ...flags, '--', ...words]);
    const night = await fleet.run(['schedule', 'run', 'night']);
    expect([night.exit, night.err]).toEqual([6, '']);
    expect([fleet.host('h1').boots(), fleet.host('h2').boots()]).toEqual([2, 2]);
    const starts = fleet
      .journal()
      .filter(({ type }) => ['host.started', 'host.done'].includes(type));
    expect(starts.map(({ type }) => type)).toEqual([
      'host.started',
      'host.done',
      'host.started',
      'host.done',
    ]);
    const notice = JSON.parse(readFileSync(notices, 'utf8'));
    expect(notice.text).toMatch(
      /2 done, 1 left out \(exit 6\); gone: unreachable: .*connection was refused/,
    );
    expect(notice.failures).toMatchObject([{ host: 'gone', failure: { kind: 'unreachable' } }]);
  }, 120_000);
});

describe('whom a job notifies', () => {
  const got: string[] = [];
  const webhook = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      got.push(`${request.url} ${body}`);
      response.end();
    });
  });
  let fleet: Practice;
  let address = '';
  beforeAll(async () => {
    await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
    address = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/s3cret`;
    fleet = await practice([sick('h1')]);
  });
  afterAll(async () => {
    webhook.close();
    await fleet.close();
  });
  const installNotified = (name: string, flags: readonly string[], words: readonly string[]) =>
    fleet.run([
      'schedule',
      'install',
      name,
      '--every',
      'daily',
      '--as',
      'cron',
      '--state-dir',
      fleet.state,
      ...flags,
      '--',
      ...words,
    ]);
  const turn = (name: string) => fleet.run(['schedule', 'run', name]);
  const words = () => [
    'apply',
    fleet.file('notified.yaml', remediationPlay()),
    '-i',
    fleet.fleet.inventoryFile,
  ];

  it('one notice when something was done, none when nothing was to do', async () => {
    const file = fleet.file('webhook', `${address}\n`);
    expect(
      (
        await installNotified(
          'notified',
          ['--notify-url-file', file, '--notify-command', `cat >> ${fleet.dir}/notices`],
          words(),
        )
      ).err,
    ).toBe('');
    const done = await turn('notified');
    expect([done.exit, done.err]).toEqual([0, '']);
    const [run = ''] = fleet.runs();
    const head = hashOf(fleet.journalText(run).trimEnd().split('\n').at(-1) ?? '');
    const notice = {
      schema: 'kmend.notice/1',
      kind: 'finished',
      key: expect.stringMatching(/^job\/notified\/\d+$/),
      why: '1 done',
      job: 'notified',
      from: hostname(),
      exit: 0,
      run,
      head,
      at: expect.any(Number),
    };
    expect(got.map((one) => one.split(' ')[0])).toEqual(['/s3cret']);
    expect(JSON.parse(got[0]?.slice(8) ?? '')).toEqual({
      ...notice,
      text: `kmend job notified on ${hostname()}: 1 done (exit 0); kmend report ${run}; journal head ${head}`,
    });
    expect(JSON.parse(readFileSync(join(fleet.dir, 'notices'), 'utf8'))).toMatchObject(notice);
    expect((await turn('notified')).exit).toBe(0);
    expect(got).toHaveLength(1);
    for (const path of [
      join(fleet.state, 'jobs/notified.json'),
      join(fleet.state, 'runs', run, 'journal.ndjson'),
    ])
      expect(readFileSync(path, 'utf8')).not.toContain('s3cret');
  }, 60_000);

  it('a failure without a run is reported, and a notice that does not arrive changes nothing', async () => {
    const notices = join(fleet.dir, 'wrong');
    await installNotified(
      'wrong',
      ['--notify-command', `cat >> ${notices}; exit 7`],
      ['apply', join(fleet.dir, 'none.yaml'), '-i', 'x,'],
    );
    const done = await turn('wrong');
    expect([done.exit, done.err]).toEqual([
      3,
      expect.stringContaining('warning: job wrong: the command was not notified: it ended with 7'),
    ]);
    expect(JSON.parse(readFileSync(notices, 'utf8')).text).toBe(
      `kmend job wrong on ${hostname()}: no run ended (exit 3)`,
    );
  });

  it('always: also where nothing was to do', async () => {
    const notices = join(fleet.dir, 'always');
    await installNotified(
      'always',
      ['--notify-command', `cat >> ${notices}`, '--notify-always'],
      words(),
    );
    expect((await turn('always')).exit).toBe(0);
    expect(JSON.parse(readFileSync(notices, 'utf8')).text).toBe(
      `kmend job always on ${hostname()}: nothing to do (exit 0)`,
    );
  });

  it.each([
    [
      'a file that is not there',
      ['--notify-url-file', '/nonexistent'],
      'cannot be read from /nonexistent: there is no such file',
    ],
    [
      'a file that holds something else',
      ['--notify-url-file', '/proc/version'],
      'should hold the address of a webhook',
    ],
    ['nobody', ['--notify-always'], 'needs a target'],
  ])('%s is refused when the job is installed', async (_, flags, why) => {
    expect(await installNotified('bad', flags, words())).toMatchObject({
      exit: 3,
      err: expect.stringContaining(why),
    });
  });
});

describe('what comes with kmend', () => {
  const analyze = existsSync('/usr/bin/systemd-analyze');
  it.skipIf(!analyze)(
    `the unit of a worker passes systemd-analyze verify (${analyze ? 'there' : 'needs systemd-analyze'})`,
    () => {
      const dir = scratch();
      const unit = readFileSync('contrib/systemd/kmend-worker.service', 'utf8');
      const verify = (text: string): string => {
        writeFileSync(join(dir, 'kmend-worker.service'), text);
        const words = ['verify', '--man=no', join(dir, 'kmend-worker.service')];
        const ran = spawnSync('systemd-analyze', words, {
          encoding: 'utf8',
          env: { ...process.env, SYSTEMD_UNIT_PATH: `${dir}:` },
        });
        return `${ran.status} ${ran.stderr}`;
      };
      expect(verify(unit)).not.toContain('kmend-worker');
      expect(verify(unit.replace('KillMode=mixed', 'KillMode=some'))).toContain('kmend-worker');
    },
  );

  it('the example units are those that install makes, but for paths', () => {
    const file = (name: string) =>
      readFileSync(join('contrib/systemd', name), 'utf8').replace(/^#.*\n/, '');
    const made = systemdUnits({
      name: 'nightly',
      calendar: { every: 'Mon..Fri 22:00' },
      command:
        '/usr/bin/env kmend schedule run nightly --state-dir /var/lib/kmend-controller -- apply @scheduled -i inventory.yaml'.split(
          ' ',
        ),
      directory: '/etc/kmend',
      what: 'kmend apply @scheduled -i inventory.yaml',
    });
    expect([file('kmend-nightly.service'), file('kmend-nightly.timer')]).toEqual([
      made.service,
      made.timer,
    ]);
  });
});
