// Hosts of sites that a command without a way to them reads and plans by their workers, on hosts with
// a virtual clock.
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createStore } from '../../src/adapters/store/index.ts';
import { answerReading } from '../../src/app/sites/answer.ts';
import { failed } from '../../src/model/run/failure.ts';
import { testWorld, type WorldChanges } from '../cli/real-world.ts';
import { type AskedSites, type AskedWorker, askedSites } from '../fakes/asked-sites.ts';
import type { Recording } from '../fakes/host-world.ts';
import { play, remediationPlay } from '../fakes/plays.ts';
import { quiet } from '../fakes/quiet-observer.ts';
import { recordHost } from '../fakes/recording.ts';
import { type HostOptions, type VirtualFleet, virtualFleet } from '../fakes/virtual-fleet.ts';

let recording: Recording;
beforeAll(async () => {
  recording = await recordHost();
});

let lab: VirtualFleet;
let sites: AskedSites;
afterEach(() => lab.close());

const logged: string[] = [];

/** A worker that reaches the hosts. */
function worker(site: string, changes: Partial<WorldChanges> = {}): AskedWorker {
  const { world } = testWorld({ ...lab.world, ...changes });
  const store = createStore(lab.state, lab.clock.now);
  return {
    sites: [site],
    bootId: world.ownBootId,
    answer: (reading) => answerReading(reading, { world, observer: quiet(logged) }, store, {}),
  };
}

/** A process without a way to any host of a site. */
function away(
  workers: readonly AskedWorker[],
  local: readonly string[] = [],
): Partial<WorldChanges> {
  sites = askedSites(workers);
  const shared = sites.state;
  return {
    store: async ({ state }) => ({ ...createStore(state, lab.clock.now), ...shared }),
    transport: async (needs) => {
      const real = await lab.world.transport?.(needs);
      return {
        connect: async (target, options) =>
          local.includes(target.name) && real !== undefined
            ? real.connect(target, options)
            : failed('unreachable', `no way to ${target.name}`),
        close: async () => {},
      };
    },
  };
}

const atFra: HostOptions = { vars: '{kmend_site: fra}' };
const fleet = (hosts: Readonly<Record<string, HostOptions>>): void => {
  lab = virtualFleet(recording, hosts);
};

/** Without what differs between any two plans, and between two readings of a clock. */
const comparable = (out: string): string =>
  out
    .replace(/"(id|salt|createdAt|inputs)":("[^"]*"|\d+|\{[^}]*\})/g, '')
    .replace(/"(boot\.uptime|clock\.epoch)":[\d.]+/g, '')
    .replace(/"kmem\.ids\.before":\{[^}]*\}/g, '');

describe('hosts of a site', () => {
  it.each([['check', '--json'], ['check', '--json', '--active'], ['doctor']])(
    'give what they give to a command that reaches them: %s %s %s',
    async (...args) => {
      fleet({ h1: atFra, h2: {}, h3: atFra });
      const line = args[0] === 'doctor' ? [...args, '-i', lab.inventory] : args;
      const near = await lab.run(line);
      const far = await lab.run(line, away([worker('fra')], ['h2']));
      expect(sites.asked.map(({ site, reading }) => [site, reading])).toEqual([['fra', 'check']]);
      expect([far.exit, comparable(far.out).split('\n').sort(), far.err]).toEqual([
        near.exit,
        comparable(near.out).split('\n').sort(),
        near.err,
      ]);
    },
  );

  it('are planned as by a command that reaches them, in their order', async () => {
    fleet({ h1: atFra, h2: {}, h3: atFra, h4: { vars: '{kmend_site: ber}' } });
    const file = lab.file('play.yaml', remediationPlay());
    const near = await lab.run(['plan', file, '--json', '-e', 'some=thing']);
    const far = await lab.run(
      ['plan', file, '--json', '-e', 'some=thing'],
      away([worker('fra'), worker('ber')], ['h2']),
    );
    expect(sites.asked.map(({ site }) => site).sort()).toEqual(['ber', 'fra']);
    expect([far.exit, comparable(far.out)]).toEqual([2, comparable(near.out)]);
  });
});

/** A state in which the hosts were remediated, by a process that reaches them. */
async function remediated(): Promise<void> {
  const done = await lab.run(['apply', lab.file('play.yaml', remediationPlay()), '--yes']);
  expect(done.exit).toBe(0);
}

describe('commands on what a run has done', () => {
  it('compare hosts of a site as by a command that reaches them: drift', async () => {
    fleet({ h1: atFra, h2: {} });
    await remediated();
    const line = ['drift', '-i', lab.inventory, '--json'];
    const near = await lab.run(line);
    const far = await lab.run(line, away([worker('fra')], ['h2']));
    expect([far.exit, far.out, far.err]).toEqual([near.exit, near.out, near.err]);
    expect(near.out).toContain('"state":"kept"');
    expect(sites.asked).toHaveLength(1);
  });

  it('re-check a saved plan: hosts that need nothing any more are not started', async () => {
    fleet({ h1: atFra, h2: atFra });
    const [file, saved] = [lab.file('play.yaml', remediationPlay()), lab.file('plan.json', '')];
    expect((await lab.run(['plan', file, '-o', saved])).exit).toBe(2);
    await remediated();
    const far = await lab.run(['apply', saved, '--yes'], away([worker('fra')]));
    expect([far.exit, far.err]).toEqual([0, '']);
    expect(lab.journal().filter(({ type }) => type === 'host.started')).toEqual([]);
    expect(sites.asked.map(({ reading }) => reading)).toEqual(['plan']);
  });
});

describe('one machine under two names', () => {
  it('is found over all hosts, also where workers read them', async () => {
    fleet({ h1: atFra, h2: {} });
    const near = worker('fra');
    const answer: AskedWorker['answer'] = async (reading) =>
      (await near.answer(reading))
        .replace('"hostKey":"key of h1"', '"hostKey":"key of h2"')
        .replace(/"bootId":"h1-/, '"bootId":"h2-');
    const file = lab.file('play.yaml', remediationPlay());
    const far = await lab.run(['plan', file], away([{ ...near, answer }], ['h2']));
    expect(far.exit).toBe(4);
    expect(far.out).toContain('h1 and h2 are one machine');
  });
});

describe('two hosts that are one node', () => {
  it('are planned again without it, by the worker too', async () => {
    fleet({ h1: atFra, h2: atFra });
    const near = worker('fra');
    const answer: AskedWorker['answer'] = async (reading) => {
      const text = await near.answer(reading);
      return sites.asked.length > 1
        ? text
        : text.replaceAll('"verdict":"on"', '"verdict":"on","node":"n1"');
    };
    const file = lab.file('play.yaml', remediationPlay());
    const { exit } = await lab.run(['plan', file], away([{ ...near, answer }]));
    expect(exit).toBe(2);
    const disputed = sites.asked.map(({ request }) => JSON.parse(request).hosts.disputed);
    expect(disputed).toEqual([
      undefined,
      { h1: expect.stringContaining('h2'), h2: expect.stringContaining('h1') },
    ]);
  });
});

describe('hosts of a site that are not read', () => {
  it('fail soon where no worker of the site lives', async () => {
    fleet({ h1: atFra, h2: {} });
    const began = lab.clock.now();
    const { exit, out } = await lab.run(['check'], away([worker('ber')], ['h2']));
    expect(exit).toBe(6);
    expect(out).toContain('no worker of site fra is alive');
    expect(out).toContain('kmend worker --sites fra');
    expect(lab.clock.now() - began).toBeLessThan(20_000);
    expect(sites.open()).toBe(0);
  });

  it('wait longer for a worker that was there, and fail then', async () => {
    fleet({ h1: atFra });
    const began = lab.clock.now();
    const life = (seconds: number): boolean => lab.clock.now() - began < seconds * 1000;
    const mute = { ...worker('fra'), answer: () => new Promise<string>(() => {}) };
    const gone: AskedWorker = { ...mute, isAlive: () => life(5) };
    const { exit } = await lab.run(['check'], away([gone]));
    expect(exit).toBe(6);
    expect([life(30), life(60)]).toEqual([false, true]);
  });

  it('are read by a worker that starts again meanwhile', async () => {
    fleet({ h1: atFra });
    const began = lab.clock.now();
    const own = worker('fra');
    const back: AskedWorker = {
      ...own,
      isAlive: () => Math.abs(lab.clock.now() - began - 12_500) > 10_000,
      answer: async (reading) => {
        await lab.clock.sleep(25_000);
        return own.answer(reading);
      },
    };
    const { exit } = await lab.run(['check'], away([back]));
    expect(exit).toBe(2);
  });

  it('name the versions of the workers that are there', async () => {
    fleet({ h1: atFra });
    const { exit, out } = await lab.run(['check'], away([{ ...worker('fra'), version: '0.9.0' }]));
    expect(exit).toBe(6);
    expect(out.replace(/\s+/g, ' ')).toContain(
      'no worker of site fra has this version: they have kmend 0.9.0, this is 0.0.0-test',
    );
  });

  const plan = (more: readonly string[] = []): readonly string[] => [
    'plan',
    lab.file('play.yaml', remediationPlay()),
    ...more,
  ];

  it.each([
    [
      'other files',
      [],
      (): void => void lab.file('inventory.yaml', 'all: {hosts: {h1: {kmend_site: fra, more: 1}}}'),
      /does not read it: it has another version of .*inventory\.yaml/,
    ],
    [
      'a secret variable',
      ['-e', 'db_password=CANARY'],
      (): void => {},
      /lacks variables that are not sent, because they may be secret: db_password; the worker needs KMEND_VAR_db_password/,
    ],
    [
      'a playbook that is gone',
      [],
      (): void => void lab.file('play.yaml', '- hosts: ['),
      /its playbook or inventory has errors/,
    ],
  ])('are refused with the reason: %s', async (_, more, change, reason) => {
    fleet({ h1: atFra });
    const { answer, ...own } = worker('fra');
    const changed: AskedWorker = {
      ...own,
      answer: (reading) => {
        change();
        return answer(reading);
      },
    };
    const { exit, out, err } = await lab.run(plan(more), away([changed]));
    expect([exit, err]).toEqual([6, '']);
    expect(out.replace(/\s+/g, ' ')).toMatch(reason);
    expect(out).toContain('(m1)');
  });

  it('are not planned by a worker that has a cluster, where the command has none', async () => {
    fleet({ h1: atFra });
    const cluster = async () => ({ ok: true, value: { close: () => {} } }) as never;
    const own = worker('fra', { env: { KUBECONFIG: '/etc/kubeconfig' }, cluster });
    const { exit, out } = await lab.run(plan(), away([own]));
    expect(exit).toBe(6);
    expect(out.replace(/\s+/g, ' ')).toContain('it has a kubeconfig, and the command has none');
  });

  it('are given to a worker whose environment has the secret variable', async () => {
    fleet({ h1: atFra });
    const env = { KMEND_VAR_db_password: 'CANARY', KMEND_VAR_other: 'not asked for' };
    const far = await lab.run(plan(['-e', 'db_password=CANARY']), away([worker('fra', { env })]));
    expect([far.exit, far.err]).toEqual([2, '']);
    expect(sites.asked[0]?.request).not.toContain('CANARY');
  });

  it('are withdrawn when the command is ended', async () => {
    fleet({ h1: atFra });
    const mute: AskedWorker = { ...worker('fra'), answer: () => new Promise(() => {}) };
    const running = lab.start(plan(), away([mute]));
    await lab.until('the question', () => sites.asked.length === 1);
    running.stop('SIGINT');
    expect([(await running.result).exit, sites.open()]).toEqual([130, 0]);
  });

  it.each([
    [
      '{"rows":[{"host":"h1"}]}',
      'the answer of the worker cannot be used: rows[0].outcome should be a mapping',
    ],
    ['{"rows":[]}', 'the answer of a worker of site fra lacks this host'],
    ['nonsense', 'the answer of the worker cannot be used'],
  ])('fail alone where an answer is damaged: %s', async (answer, why) => {
    fleet({ h1: atFra, h2: {} });
    const damaged: AskedWorker = { ...worker('fra'), answer: async () => answer };
    const { exit, out } = await lab.run(['check', '--json'], away([damaged], ['h2']));
    expect(exit).toBe(4);
    const rows = out.split('\n').map((line) => JSON.parse(line));
    expect(rows.find(({ host }) => host === 'h1').failure.message).toContain(why);
    expect(rows.find(({ host }) => host === 'h2').failure).toBeNull();
  });

  it('need no password that only an operator knows', async () => {
    fleet({ h1: atFra });
    const { exit, err } = await lab.run(['check', '-k'], away([worker('fra')]));
    expect(exit).toBe(3);
    expect(err).toContain('-k does not go with hosts of a site (h1 is at fra)');
  });
});

describe('questions and answers', () => {
  it('have no secret, wherever it is known from', async () => {
    // What the host itself says, and what is given twice, is masked where it is known as a secret.
    const reported = /\b[0-9a-f]{32}\b/.exec(recording.check)?.[0] ?? '';
    expect(reported).not.toBe('');
    const vars = `{kmend_site: fra, ansible_password: "CANARY-login", ansible_become: true, ansible_become_password: "${reported}", api_token: "CANARY-token", text: "CANARY-listed"}`;
    fleet({ h1: { vars }, h2: { vars } });
    const file = lab.file(
      'play.yaml',
      play(`    - name: With a secret
      shell: {cmd: 'echo {{ api_token }} {{ text }} {{ hidden }} {{ of_env }}'}
      no_log: true
    - name: Seen
      shell: {cmd: 'echo {{ api_token }} {{ text }}'}
`),
    );
    const env = { KMEND_VAR_of_env: 'CANARY-env', KMEND_VAR_hidden: 'CANARY-hidden' };
    const given = ['-u', 'CANARY-login', '--secrets', 'text', '-e', 'hidden=CANARY-hidden'];
    const own = worker('fra', { env });
    const far = away([own]);
    for (const args of [
      ['plan', file, ...given],
      ['check', ...given, '--secrets', 'text,hidden,of_env'],
    ])
      expect(
        await lab.run(args, { ...far, env: { KMEND_VAR_of_env: 'CANARY-env' } }),
      ).toMatchObject({ err: '' });
    expect(sites.asked).toHaveLength(2);
    expect(sites.answered.filter((answer) => answer.includes('"rows"'))).toHaveLength(2);
    for (const text of [...sites.asked.map(({ request }) => request), ...sites.answered])
      expect(text).not.toMatch(new RegExp(`CANARY|${reported}`));
    expect(logged.join()).not.toContain('CANARY');
  });
});
