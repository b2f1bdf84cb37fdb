// Debian's kernel, booted directly: the very script that `kmend probe` prints runs on it under
// busybox, and `kmend check --from` judges what came out. With KMEND_RECORD=1 the outputs become
// the recordings of test/fixtures/recorded, which the unit tests judge without a machine.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Operator, operator } from '../hosts/operator.ts';
import { recordings } from '../recorded/recordings.ts';
import { bootProbe, debianKernel, vmMissing } from './vm.ts';

const missing = vmMissing('kernel');

/** Bytes of kernel memory and of slab that the kernel charges to a group. */
const charged = (stat: string | undefined): readonly number[] =>
  ['kernel', 'slab'].map((row) =>
    Number(new RegExp(`^${row} (\\d+)$`, 'm').exec(stat ?? '')?.[1] ?? -1),
  );

describe.skipIf(missing !== '')(
  `Debian's kernel on cgroup v2${missing === '' ? '' : `, skipped: ${missing}`}`,
  () => {
    let op: Operator;
    let normal: ReadonlyMap<string, string>;
    let nokmem: ReadonlyMap<string, string>;

    beforeAll(async () => {
      op = operator([]);
      const outputs = join(op.dir, 'outputs');
      mkdirSync(outputs);
      const kernel = debianKernel();
      const probe = await op.kmend(['probe']);
      normal = await bootProbe(kernel, probe.out, []);
      nokmem = await bootProbe(kernel, probe.out, ['cgroup.memory=nokmem']);
      for (const [name, files, of] of [
        ['default-idle', normal, 'before.txt'],
        ['default', normal, 'after.txt'],
        ['nokmem-idle', nokmem, 'before.txt'],
        ['nokmem', nokmem, 'after.txt'],
      ] as const) {
        writeFileSync(join(outputs, name), files.get(of) ?? '');
        if (process.env.KMEND_RECORD === '1')
          writeFileSync(join(recordings, `direct-boot-${name}.txt`), files.get(of) ?? '');
      }
      return () => op.close();
    }, 400_000);

    it('charges the kernel memory of a group that works, and with cgroup.memory=nokmem not one byte', () => {
      const [kernel = 0, slab = 0] = charged(normal.get('busy.stat'));
      // 3,000 inodes and dentries of a tmpfs: more than half a KiB each.
      expect([kernel > 1_500_000, slab > 1_500_000]).toEqual([true, true]);
      expect(charged(nokmem.get('busy.stat'))).toEqual([0, 0]);
      expect([Number(nokmem.get('busy.current')) > 0, charged(normal.get('idle.stat'))]).toEqual([
        true,
        [0, 0],
      ]);
    });

    it('has the probe read the same from memory.stat', async () => {
      const facts = await judged(op);
      const usage = (name: string): unknown => {
        const groups = facts.get(name)?.['kmem.groups'] as readonly {
          path: string;
          usage: number;
          limit: number;
        }[];
        return groups.find(({ path }) => path === 'pods/busy')?.usage;
      };
      expect(usage('default')).toBe(charged(normal.get('busy.stat'))[0]);
      expect([usage('nokmem'), usage('default-idle'), usage('nokmem-idle')]).toEqual([0, 0, 0]);
    });

    it('is judged not applicable whether the argument is there or not; off is proven by the group that works, never by an idle one', async () => {
      const facts = await judged(op);
      const names = ['default-idle', 'default', 'nokmem-idle', 'nokmem'];
      expect(
        names.map((name) => [
          name,
          facts.get(name)?.['kmem.verdict'],
          facts.get(name)?.['kmem.remedy'],
          facts.get(name)?.['kmem.proof'],
        ]),
      ).toEqual([
        ['default-idle', 'not_applicable', 'none', 'none'],
        ['default', 'not_applicable', 'none', 'none'],
        ['nokmem-idle', 'not_applicable', 'none', 'none'],
        ['nokmem', 'not_applicable', 'none', 'samples'],
      ]);
    });
  },
);

/** The facts that `kmend check --from` finds in the outputs. */
async function judged(
  op: Operator,
): Promise<ReadonlyMap<string, Readonly<Record<string, unknown>>>> {
  const { code, out, err } = await op.kmend(['check', '--from', join(op.dir, 'outputs'), '--json']);
  if (code !== 0) throw new Error(err || out);
  const rows = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { host: string; facts: Record<string, unknown> | null });
  return new Map(rows.map(({ host, facts }) => [host, facts ?? {}]));
}
