// A reboot that the plan has and the walk does not need any more: the run goes on, and says so on
// the screen, in the journal and in the report.
import { expect, it, onTestFinished } from 'vitest';
import { eventsOf, play, practice, sick } from '../cli/practice.ts';

it('a planned reboot that is not needed any more is said', async () => {
  const lab = await practice([sick('h1')]);
  onTestFinished(() => lab.close());
  const tasks = `    - kernel_arg: {key: cgroup.memory, value: nokmem}
    - name: Somebody takes it away
      shell: sed -i 's/ cgroup.memory=nokmem//' "$KMEND_ROOT/boot/grub2/grub.cfg"
    - name: Reboot
      reboot: {when_pending: true, timeout: 20s, stable_for: 1s}
`;
  const done = await lab.run(['apply', lab.file('dropped.yaml', play(tasks)), '--yes']);
  const said =
    'no reboot at "Reboot", though one was planned: the next boot would be like this one';
  expect([done.exit, lab.host('h1').boots()]).toEqual([0, 1]);
  expect(eventsOf(lab.journal(), 'drift.noted', 'h1').map(({ what }) => what)).toEqual([[said]]);
  expect(done.out).toContain(`h1 is not quite what the plan was made from: ${said}`);
  const [run = ''] = lab.runs();
  for (const flags of [[], ['--markdown']])
    expect((await lab.run(['report', run, ...flags])).out).toContain(`h1  ${said}`);
}, 60_000);
