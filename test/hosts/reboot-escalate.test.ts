// Hosts whose shutdown hangs, on real sshd hosts: harder ways where the play asks for them, each in
// the journal, all together one reboot.
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, labMissing, startLab } from './lab.ts';
import { eventsOf, failureOf, type Operator, operator, rebootsOf } from './operator.ts';

const missing = labMissing('el7');
// Kernels of some machines that run tests have none; then sysrq is sent, and nothing comes of it.
const hasSysrq = existsSync('/proc/sysrq-trigger');

const play = (escalate: string): string => `- hosts: all
  rollout: {max_unavailable: 3, brake: {failures: 5}}
  tasks:
    - reboot: {timeout: 24s, stable_for: 2s, force: true${escalate}}
`;

/** An orderly reboot hangs in a unit that does not stop; `-f` does not ask units. */
const hungShutdown = `mv /usr/bin/systemctl /usr/bin/systemctl.lab
cat > /usr/bin/systemctl <<'S'
#!/bin/sh
case "$*" in 'reboot -f') kill -USR1 1;; reboot) exit 0;; *) exec /usr/bin/systemctl.lab "$@";; esac
S
chmod 755 /usr/bin/systemctl`;

describe.skipIf(missing !== '')(
  `reboots that hang on el7 hosts (${missing || 'all there'})`,
  () => {
    let lab: Lab;
    let op: Operator;
    beforeAll(async () => {
      lab = await startLab({ flavour: 'el7', count: 3, net: '127.31' });
      op = operator([
        { name: 'hung', lab, host: 'h1' },
        { name: 'well', lab, host: 'h2' },
        { name: 'dead', lab, host: 'h3' },
      ]);
      await lab.ssh('h1', hungShutdown);
      lab.set('h3', 'noreboot', '1');
    });
    afterAll(() => {
      op?.close();
      lab?.down();
    });

    const progress = (host: string) =>
      eventsOf(op.journal(), 'effect.progress', host).map((event) => event.text);
    const reported = (how: string) =>
      expect.stringMatching(
        new RegExp(`^still the same boot \\d+ s after the reboot was sent: ${how}$`),
      );

    it('without `escalate` no harder way is used', async () => {
      const { code } = await op.kmend([
        'apply',
        op.file('soft.yaml', play('')),
        '-i',
        op.inventory,
        '-l',
        'hung',
        '--yes',
      ]);
      expect([
        code,
        failureOf(op.journal(), 'hung')?.failure.kind,
        lab.boots('h1'),
        progress('hung'),
      ]).toEqual([4, 'timeout', 1, []]);
    });

    it('asked, force ends what hung, sysrq what force could not; each step is reported, and there is one boot', async () => {
      const path = op.file('hard.yaml', play(', escalate: [force, sysrq]'));
      const before = lab.bootId('h1');
      const run = op.runs().at(-1) ?? '';
      const { code } = await op.kmend([
        'apply',
        path,
        '-i',
        op.inventory,
        '--yes',
        '--takeover',
        run,
      ]);
      expect([progress('well'), progress('hung')]).toEqual([[], [reported('systemctl reboot -f')]]);
      expect(progress('dead')).toEqual([
        reported('systemctl reboot -f'),
        reported('sysrq s, u, b'),
      ]);
      expect([lab.boots('h1'), lab.boots('h2'), lab.boots('h3')]).toEqual([2, 2, hasSysrq ? 2 : 1]);
      expect([code, failureOf(op.journal(), 'dead')?.failure.kind]).toEqual(
        hasSysrq ? [0, undefined] : [4, 'timeout'],
      );
      expect(rebootsOf(op.journal(), 'hung')).toEqual([{ before, after: lab.bootId('h1') }]);
    });
  },
);
