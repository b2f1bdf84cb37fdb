// A download before the drain: it touches nothing, so a host where it fails is refused, its slot
// and the host itself are free, and nothing was drained.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventsOf, type Practice, play, practice, sick } from '../cli/practice.ts';

const packages = '{docker-ce: 18.09.9, docker-ce-cli: 18.09.9, containerd.io: 1.4.13}';
const tasks = `    - {name: Ahead, package: {packages: ${packages}, predownload: true}}
    - {name: Drain, command: 'true'}
    - {name: Move, package: {packages: ${packages}}}
`;

describe('predownload', () => {
  let lab: Practice;
  let file: string;
  beforeAll(async () => {
    lab = await practice([sick('well'), sick('gone'), sick('other')]);
    file = lab.file('play.yaml', play(tasks, '{brake: {failures: 0}}'));
  });
  afterAll(() => lab.close());

  const fence = (host: string) =>
    readFileSync(join(lab.host(host).root, 'var/lib/kmend/fence'), 'utf8');
  const effects = (host: string) =>
    eventsOf(lab.journal(), 'effect.started', host).map(
      ({ task, what, harmless }) =>
        `${task} ${what.slice(0, 23).trimEnd()}${harmless === true ? ' harmless' : ''}`,
    );

  it('is planned before the drain, with its versions, and comes first in the walk', async () => {
    const plan = await lab.run(['plan', file, '-l', 'well']);
    expect([plan.exit, plan.out]).toEqual([
      2,
      expect.stringMatching(
        /Ahead\n +! download: docker-ce 3:18\.09\.9-3\.el7, docker-ce-cli .* \[write\]\n.*Move\n +~ package docker-ce/s,
      ),
    ]);
    expect((await lab.run(['apply', file, '--yes', '-l', 'well'])).exit).toBe(0);
    expect(effects('well')).toEqual([
      '0 yum: download docker-ce harmless',
      '1 run true',
      '2 yum: upgrade docker-ce',
    ]);
    expect((await lab.run(['plan', file, '-l', 'well'])).out).not.toMatch(/Ahead|Move/);
  });

  it('where it fails the host is refused and untouched: not drained, no slot kept, no brake, no fence in the way of another run', async () => {
    lab.fleet.set('gone', 'nodownload', true);
    const first = await lab.run(['apply', file, '--yes', '-l', 'gone:other']);
    expect([first.exit, first.out]).toEqual([4, expect.stringContaining('1 done, 1 refused')]);
    const [bad] = eventsOf(lab.journal(), 'host.failed', 'gone');
    expect(bad).toMatchObject({
      touched: false,
      state: 'untouched',
      failure: {
        kind: 'refused',
        message: expect.stringMatching(/a repository could not be used: nothing was changed/),
        hint: expect.stringContaining('yum makecache'),
      },
    });
    expect([effects('gone').length, fence('gone')]).toEqual([
      1,
      expect.stringMatching(/ closed\n$/),
    ]);
    lab.fleet.set('gone', 'nodownload', undefined);
    expect((await lab.run(['apply', file, '--yes', '-l', 'gone'])).exit).toBe(0);
  });
});
