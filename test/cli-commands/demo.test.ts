// The demo shows the incident on the practice fleet: these chapters, in this order, with these
// facts in them. That it takes less than 45 seconds is measured by `.ci/run`, where nothing runs
// beside it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandResult, command } from '../cli/real-world.ts';

describe('kmend lab demo', () => {
  const home = mkdtempSync(join(tmpdir(), 'kmend-demo-test-'));
  let result: CommandResult;
  /** By its number; 0 is what stands before the first. */
  let chapters: readonly string[] = [];

  beforeAll(async () => {
    result = await command(['lab', 'demo'], { home });
    chapters = result.out.split(/^(?=\d\. )/m);
  }, 120_000);
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  it('comes to its end without a complaint', () => {
    expect(`${result.exit} ${result.err}`).toBe('0 ');
    expect(result.out).not.toContain('expected exit');
  });

  it('is the story of the incident', () => {
    const heads = chapters.map((chapter) =>
      chapter.split('\n').filter((line) => /^(?:\d\. |\$ )/.test(line)),
    );
    expect(
      heads.map((lines) => lines.map((line) => line.replace(/\d{8}-\S+/, 'RUN'))),
    ).toMatchInlineSnapshot(`
      [
        [],
        [
          "1. A sick node: what its log says, and why",
          "$ kmend check node-a1 -i fleet/inventory.yaml -v",
        ],
        [
          "2. The plan, before anything is touched",
          "$ kmend plan playbooks/auto.yaml -i fleet/inventory.yaml -l node-a1 -o plan.json",
        ],
        [
          "3. One canary: exactly that plan",
          "$ kmend apply plan.json --yes",
        ],
        [
          "4. The proof: reads from its memory cgroups after the reboot",
          "$ kmend report RUN",
        ],
        [
          "5. The rest of the fleet: each host has its own remedy, or none",
          "$ kmend check '!node-a1' -i fleet/inventory.yaml",
          "$ kmend plan playbooks/auto.yaml -i fleet/inventory.yaml -l '!node-a1' --max-unavailable 4 --unplannable leave_out -o rest.json | grep '^Plan:'",
          "$ kmend apply rest.json --yes",
        ],
        [
          "6. Before and after",
          "$ kmend check all -i fleet/inventory.yaml | tail -n 1",
        ],
      ]
    `);
    expect(chapters[0]).toMatch(/3\.10\.0-862\.el7, Kubernetes 1\.12\.3 and Docker\s18\.06\.1-ce/);
  });

  it.each<[number, string, readonly RegExp[]]>([
    [
      1,
      'the log lines, and why',
      [
        /node-a1 .* leaking/,
        /SLUB: Unable to allocate memory on node/,
        /soft lockup - CPU#/,
        /causes: kernel; argument; kubelet; runc/,
      ],
    ],
    [1, 'what is not known', [/862 is not known to parse nokmem/]],
    [
      2,
      'each change, and that Docker stays',
      [
        /\+ package kernel: 3\.10\.0-1160\.el7/,
        /cgroup\.memory=nokmem \[write\]/,
        /Docker, containerd and\s+kubelet need no upgrade/,
      ],
    ],
    [3, 'one host', [/node-a1 .* proven/]],
    [4, 'EIO on all groups', [/node-a1 +leaking +kernel_and_arg +proven/, /EIO on 17 of\s+17/]],
    [
      5,
      'other remedies, and hosts that are not touched',
      [/node-a2 .* proven/, /build-b2 .* refused/, /build-b3 .* proven/, /node-c2 .* left out/],
    ],
    [
      6,
      'each host, the node of the report first',
      [
        /^node-a1 +leaking +3\.10\.0-862\.el7 +-> +off +3\.10\.0-1160\.el7$/m,
        /1 needs a remedy, 5 fine/,
      ],
    ],
  ])('chapter %i: %s', (number, _, patterns) => {
    for (const pattern of patterns) expect(chapters[number]).toMatch(pattern);
  });

  it('shows no other host before the canary is proven', () => {
    expect(chapters.slice(0, 5).join('')).not.toMatch(/node-a2|build-b/);
  });

  it('never says what is not known of a kernel', () => {
    expect(result.out).not.toMatch(/862 does not/);
  });
});
