// `rollback: failed_host` on a node: it takes over the cordon of the failed run, and uncordons the
// node after the rollback.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type NodeFleet, nodeFleet, nodePlay, sickNode } from './fleet-nodes.ts';

let fleet: NodeFleet;
beforeAll(async () => {
  fleet = await nodeFleet([sickNode('n1', { vars: { reboot_stable_for: 1 } }), sickNode('n2')]);
});
afterAll(() => fleet.close());

it('a node that failed after its drain is in service again, without the argument; its run still counts it as failed', async () => {
  fleet.web('n1', 2);
  const text = nodePlay({ rollout: '{rollback: failed_host}' })
    .replace('hosts: all', 'hosts: n1')
    .replace(
      '    - name: Reboot',
      '    - name: Fails\n      shell: {cmd: "false"}\n    - name: Reboot',
    );
  const ran = await fleet.run(['apply', fleet.lab.file('fails.yaml', text), '--yes']);
  expect(ran.exit, ran.out + ran.err).toBe(4);
  expect(ran.err).toContain('n1 is as it was before run');
  expect([fleet.isCordoned('n1'), fleet.isMarked('n1'), fleet.boots()]).toEqual([
    false,
    false,
    [1, 1],
  ]);
  expect(
    readFileSync(join(fleet.lab.host('n1').root, 'boot/grub2/grub.cfg'), 'utf8'),
  ).not.toContain('nokmem');
  const [run = ''] = fleet.lab.runs();
  expect((await fleet.lab.run(['runs', 'show', run])).out).toMatch(/n1 .*exit: /);
}, 60_000);
