// Hosts whose reboot does nothing, on real sshd hosts: harder ways where the play asks for them, each in the journal, all together one reboot.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, labMissing, startLab } from './lab.ts';
import { eventsOf, failureOf, type Operator, operator, rebootsOf } from './operator.ts';

const missing = labMissing('el7');

const play = (escalate: string): string => `- hosts: all
  rollout: {max_unavailable: 2, brake: {failures: 5}}
  tasks:
    - reboot: {timeout: 18s, stable_for: 2s, force: true${escalate}}
`;

describe.skipIf(missing !== '')(`reboots that hang on el7 hosts (${missing || 'all there'})`, () => {
  let lab: Lab;
  let op: Operator;
  beforeAll(async () => {
    lab = await startLab({ flavour: 'el7', count: 2, net: '127.31' });
    op = operator([
      { name: 'hung', lab, host: 'h1' },
      { name: 'well', lab, host: 'h2' },
    ]);
    lab.set('h1', 'noreboot', '1');
  });
  afterAll(() => {
    op?.close();
    lab?.down();
  });

  const progress = (host: string) => eventsOf(op.journal(), 'effect.progress', host).map((event) => event.text);

  it('without being asked, nothing harder is done', async () => {
    const { code } = await op.kmend(['apply', op.file('soft.yaml', play('')), '-i', op.inventory, '-l', 'hung', '--yes']);
    expect([code, failureOf(op.journal(), 'hung')?.failure.kind, lab.boots('h1'), progress('hung')]).toEqual([4, 'timeout', 1, []]);
    const run = op.runs().at(-1) ?? '';
    expect((await op.kmend(['resolve', run, 'hung', '--as', 'skip', '--why', 'tried again harder'])).code).toBe(0);
  });

  it('asked, sysrq ends what force could not: one boot, and the steps are told', async () => {
    const path = op.file('hard.yaml', play(', escalate: [force, sysrq]'));
    const before = lab.bootId('h1');
    const run = op.runs().at(-1) ?? '';
    const { code, out } = await op.kmend(['apply', path, '-i', op.inventory, '--yes', '--takeover', run]);
    expect([code, out]).toEqual([0, expect.stringContaining('2 done')]);
    expect(progress('hung')).toEqual([
      expect.stringMatching(/^still the same boot \d+ s after the reboot was sent: systemctl reboot -f$/),
      expect.stringMatching(/^still the same boot \d+ s after the reboot was sent: sysrq s, u, b$/),
    ]);
    expect(progress('well')).toEqual([]);
    expect([lab.boots('h1'), lab.boots('h2')]).toEqual([2, 2]);
    expect(rebootsOf(op.journal(), 'hung')).toEqual([{ before, after: lab.bootId('h1') }]);
  });
});
