// docs/kmem.md shows the tables that the code decides by, all of them and as they are.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { factDefs } from '../../src/facts/index.ts';
import { symptomRows } from '../../src/facts/kmem/symptoms.ts';
import { verdictRules } from '../../src/facts/kmem/verdict.ts';
import { loadPlaybook } from '../../src/load/index.ts';
import { modules } from '../../src/modules/index.ts';
import { docTables, unknownAdvice } from './kmem-doc-tables.ts';
import { recordedHost } from './replay.ts';

const text = readFileSync(join(import.meta.dirname, '../../docs/kmem.md'), 'utf8');

/** The formatter pads cells: blanks and the length of rules do not count. */
const bare = (table: string): string =>
  table.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---').trim();

describe('docs/kmem.md', () => {
  it.each(Object.entries(docTables))('shows the table %s', (name, table) => {
    const shown = new RegExp(`<!-- table: ${name.replace('.', '\\.')} -->\\n((?:\\|.*\\n)+)`).exec(
      text,
    )?.[1];
    expect(bare(shown ?? '')).toBe(bare(table));
  });

  it('says what to do for each reason of an unknown verdict, and for no other', () => {
    const reasons = verdictRules
      .filter(({ verdict }) => verdict === 'unknown')
      .map(({ name }) => name);
    expect(Object.keys(unknownAdvice).toSorted()).toEqual(reasons.toSorted());
  });

  it('searches the logs of earlier boots for every line of the kernel that shows this bug by itself', () => {
    const lines = symptomRows.flatMap((row) =>
      row.from === 'kernel' && row.specific !== 'no' ? [row.grep] : [],
    );
    expect(text).toContain(`grep -E '${lines.join('|')}' /var/crash/`);
  });

  it('has only commands that a shell understands', () => {
    const blocks = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block ?? '');
    expect(blocks.length).toBeGreaterThan(0);
    for (const block of blocks) expect(() => execFileSync('sh', ['-n', '-c', block])).not.toThrow();
  });

  it('makes a playbook for affected nodes out of auto.yaml', () => {
    const command = /^(sed [\s\S]*?) > sick\.yaml$/m.exec(text)?.[1] ?? '';
    const made = execFileSync('sh', ['-c', command], {
      encoding: 'utf8',
      cwd: join(import.meta.dirname, '../..'),
    });
    const { value, diagnostics } = loadPlaybook('sick.yaml', made, {
      modules,
      facts: factDefs.map((def) => def.name),
    });
    const tasks = JSON.stringify(value?.plays[0]?.tasks);
    expect([diagnostics, value?.plays[0]?.rollout.order]).toEqual([[], 'worst_first']);
    expect(
      ['force', 'sysrq', 'dead_node_skip_wait_after'].filter((word) => !tasks.includes(word)),
    ).toEqual([]);
  });

  it('begins with commands that find what was recorded', () => {
    // Only this block reads without changing anything: the others stop services, remove groups and
    // reboot.
    const block = /## In a hurry\n[\s\S]*?```sh\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
    const host = recordedHost('1062-on');
    try {
      const here = block
        .replaceAll(/ \/(sys|proc)\//g, ` ${host.root}/$1/`)
        .replaceAll('dmesg', `cat ${host.root}/../dmesg`);
      const answers = execFileSync('sh', ['-c', here], { encoding: 'utf8' }).trim().split('\n');
      // uname, nothing in this log, slab entries, usage of the root, ids, unreclaimable slab.
      expect(answers.slice(1)).toEqual([
        '42',
        '2322432',
        '3',
        expect.stringMatching(/^SUnreclaim: +3940 kB$/),
      ]);
    } finally {
      host.remove();
    }
  });
});
