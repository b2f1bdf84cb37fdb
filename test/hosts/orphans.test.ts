// A host that a killed controller left out of service, on real hosts: every command names it, and
// the next apply returns what is proven. And one machine under two names.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { killEnv } from '../crash/kill-at.ts';
import { type Lab, labMissing, startLab } from './lab.ts';
import { eventsOf, type Operator, operator, playbook, type Ran } from './operator.ts';

const missing = labMissing('el7');
const drain = {
  drain_command: 'echo drained >> /var/log/pods.log',
  uncordon_command: 'sleep 1; echo returned >> /var/log/pods.log',
};
const kernel = 'yum -q -y install kernel-3.10.0-1160.el7';

describe.skipIf(missing !== '')(
  `hosts that a run left out of service (${missing || 'all there'})`,
  () => {
    let lab: Lab;
    let op: Operator;
    let run = '';
    beforeAll(async () => {
      lab = await startLab({ flavour: 'el7', count: 2, net: '127.37' });
      await Promise.all([lab.ssh('h1', `${kernel} kubelet-1.12.3`), lab.ssh('h2', kernel)]);
      op = operator([
        { name: 'node1', lab, host: 'h1', vars: drain },
        { name: 'node2', lab, host: 'h2' },
      ]);
      const env = killEnv({ type: 'proof' }, join(op.dir, 'killed'));
      const { child, ended } = op.start(
        ['apply', playbook('nokmem'), '-i', op.inventory, '--yes'],
        '',
        env,
      );
      await ended;
      expect(child.signalCode).toBe('SIGKILL');
      run = op.runs().at(-1) ?? '';
    });
    afterAll(() => {
      op?.close();
      lab?.down();
    });

    const kmend = (...words: readonly string[]): Promise<Ran> =>
      op.kmend([...words, '-i', op.inventory]);
    const pods = async (): Promise<string> => (await lab.ssh('h1', 'cat /var/log/pods.log')).out;
    const fence = async (): Promise<string> =>
      (await lab.ssh('h1', 'cat /var/lib/kmend/fence')).out.trim();
    const plain = (text: string): string => text.replace(/\s+/g, ' ');
    const left = (): string =>
      `run ${run} was interrupted and left it drained by a command of the play (kmend resume ${run})`;

    it('is drained, and its fence is open', async () => {
      expect([await pods(), await fence(), lab.boots('h1')]).toEqual([
        'drained\n',
        `${run} 1 open`,
        2,
      ]);
    });

    it.each([
      ['check', ['check', 'node1']],
      ['drift', ['drift']],
      ['doctor', ['doctor', 'node1']],
      ['plan', ['plan', playbook('nokmem'), '-l', 'node1']],
    ])('%s names the run and the command that ends it, and ends with 4', async (_, words) => {
      const { code, out, err } = await kmend(...words);
      expect([code, plain(out)], out + err).toEqual([4, expect.stringContaining(left())]);
    });

    it('`adopt: none` leaves it to the operator', async () => {
      const text = readFileSync(playbook('nokmem'), 'utf8').replace(
        'max_unavailable: 1',
        'max_unavailable: 1\n    adopt: none',
      );
      const { code, out } = await kmend(
        'apply',
        op.file('none.yaml', text),
        '--yes',
        '-l',
        'node1',
      );
      expect([code, plain(out)]).toEqual([4, expect.stringContaining(left())]);
      expect([await pods(), await fence()]).toEqual(['drained\n', `${run} 1 open`]);
    });

    it('another state directory knows the run by the fence, and touches nothing', async () => {
      const { code, out } = await kmend(
        'apply',
        playbook('nokmem'),
        '--yes',
        '-l',
        'node1',
        '--state-dir',
        join(op.dir, 'other'),
      );
      expect([code, plain(out)]).toEqual([
        4,
        expect.stringContaining(`run ${run} has taken it out of service and not returned it`),
      ]);
      expect(plain(out)).toContain(`--takeover ${run}`);
      expect([await pods(), lab.boots('h1')]).toEqual(['drained\n', 2]);
    });

    it('the next apply reads the proof anew, returns the host to service and ends that run: nothing is rebooted', async () => {
      const { code, out, err } = await kmend('apply', playbook('nokmem'), '--yes', '-l', 'node1');
      expect([code, plain(err)], out + err).toEqual([
        0,
        expect.stringContaining(`run ${run} was interrupted: node1 is returned to service`),
      ]);
      expect([await pods(), await fence(), lab.boots('h1'), lab.boots('h2')]).toEqual([
        'drained\nreturned\n',
        `${run} 2 closed`,
        2,
        1,
      ]);
      const events = op.journal(run);
      expect(eventsOf(events, 'host.done', 'node1')).toMatchObject([{ proven: 'yes' }]);
      expect(
        eventsOf(events, 'effect.started').filter(({ kind }) => kind === 'reboot'),
      ).toHaveLength(1);
      expect([
        eventsOf(events, 'host.started', 'node2'),
        eventsOf(events, 'run.finished'),
      ]).toMatchObject([[], [{ exit: 130 }]]);
      expect((await kmend('check', 'node1')).code).toBe(0);
    });

    it('one machine under two names is named by check, and apply walks neither', async () => {
      const two = operator([
        { name: 'node2', lab, host: 'h2' },
        { name: 'alias', lab, host: 'h2' },
      ]);
      const what = `node2 and alias are one machine: the boot id of each is ${lab.bootId('h2')}`;
      expect(plain((await two.kmend(['check', '-i', two.inventory])).out)).toContain(what);
      const { code, out } = await two.kmend([
        'apply',
        playbook('nokmem'),
        '-i',
        two.inventory,
        '--yes',
        '--max-unavailable',
        '2',
      ]);
      expect([code, plain(out)]).toEqual([4, expect.stringContaining(what)]);
      expect([lab.boots('h2'), (await lab.ssh('h2', 'ls -d /var/lib/kmend')).code]).not.toContain(
        0,
      );
      expect(lab.boots('h2')).toBe(1);
      two.close();
    });
  },
);
