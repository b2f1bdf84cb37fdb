// Large inventories: read, validated, resolved and listed, against ansible-inventory.
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { missing } from './lines.mjs';
import { isInstalled, measure } from './process.mjs';
import { cleanEnv, kmend } from './product.mjs';

const groupSize = 100;

/** Groups of a hundred, half of them as ranges, in regions of twenty, three levels. */
function grouped(count) {
  const lines = ['all:', '  vars:', '    ansible_user: ops', '  children:'];
  for (let group = 0; group < count / groupSize; group++) {
    if (group % 20 === 0) lines.push(`    region${group / 20}:`, '      children:');
    lines.push(
      `        group${group}:`,
      '          vars:',
      `            rack: r${group}`,
      '          hosts:',
    );
    if (group % 2 === 0) lines.push(`            g${group}-n[00:${groupSize - 1}]:`);
    else
      for (let host = 0; host < groupSize; host++)
        lines.push(
          `            g${group}-n${host}:`,
          `              ansible_host: 10.${group >> 8}.${group & 255}.${host}`,
        );
  }
  return `${lines.join('\n')}\n`;
}

/** An inventory of so many hosts in no group. */
export const flat = (count) =>
  `all:\n  hosts:\n${Array.from({ length: count }, (_, host) => `    n${host}:\n      ansible_host: 10.${host >> 16}.${(host >> 8) & 255}.${host & 255}\n`).join('')}`;

const listed = (path) => existsSync(path) && statSync(path).size > 10_000;

export async function inventory({ folder, emit, print }) {
  const env = cleanEnv(folder);
  for (const [form, make] of Object.entries({ grouped, flat })) {
    for (const count of [10_000, 50_000]) {
      const path = join(folder, `${form}-${count}.yaml`);
      writeFileSync(path, make(count));
      const run = async (name, command) => {
        const output = join(folder, 'listing');
        rmSync(output, { force: true });
        const result = await measure(command, { env, output, timeout: 120, sample: 50 });
        print(
          `# ${name} ${form} n=${count}  wall ${result.wall.toFixed(2)} s  cpu ${result.cpu.toFixed(2)} s  RSS ${result.rss.toFixed(0)} MB`,
        );
        return result.code === 0 && listed(output)
          ? result
          : missing(
              result.timedOut ? 'cut off' : `exit ${result.code} ${result.errors.slice(0, 200)}`,
            );
      };
      const ours = await run('kmend', [...kmend, 'inventory', '--list', '-i', path]);
      const theirs = isInstalled('ansible-inventory')
        ? await run('ansible-inventory', ['ansible-inventory', '--list', '-i', path])
        : missing('not installed');
      emit(
        `inventory.${count}.cpu`,
        ours.cpu ?? ours,
        { ansible: theirs.cpu ?? theirs },
        `inventory.${form}.${count}.cpu`,
      );
      if (count === 10_000)
        emit('inventory.10000.memory', ours.rss ?? ours, {}, `inventory.${form}.10000.memory`);
    }
  }
}
