// How long the command takes to say something, against an empty program of the same Node and against Ansible's empty play.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { median, missing } from './lines.mjs';
import { isInstalled, measure } from './process.mjs';
import { cleanEnv, kmend } from './product.mjs';

const rounds = 11;

export async function startup({ folder, emit, print }) {
  const env = cleanEnv(folder);
  const empty = join(folder, 'empty.mjs');
  writeFileSync(empty, '');
  const play = join(folder, 'play.yaml');
  writeFileSync(play, '- hosts: localhost\n  gather_facts: false\n  tasks: []\n');
  const small = join(folder, 'small.yaml');
  writeFileSync(small, '- hosts: all\n  tasks:\n    - name: The argument\n      kernel_arg: {key: cgroup.memory, value: nokmem}\n');
  const inventory = join(folder, 'hosts.yaml');
  writeFileSync(inventory, 'all:\n  hosts:\n    localhost:\n      ansible_connection: local\n');
  const commands = {
    empty_node: [process.execPath, empty],
    version: [...kmend, '--version'],
    help: [...kmend, '--help'],
    validate: [...kmend, 'validate', small],
    ansible_empty_play: ['ansible-playbook', '-i', inventory, play],
  };
  const walls = {};
  const failed = {};
  // A first round warms the file cache, and builds the bundle in a checkout.
  for (let round = 0; round <= rounds; round++) {
    for (const [name, command] of Object.entries(commands)) {
      if (name === 'ansible_empty_play' && (round > 5 || !isInstalled('ansible-playbook'))) continue;
      const run = await measure(command, { env, output: '/dev/null', timeout: 20 });
      if (run.code !== 0) failed[name] = missing(`exit ${run.code} ${run.errors.slice(0, 200)}`);
      if (round > 0) walls[name] = [...(walls[name] ?? []), run.wall * 1000];
    }
  }
  const wall = (name) => failed[name] ?? (walls[name] === undefined ? missing('not installed') : median(walls[name]));
  print(`# Node ${process.version}; medians of ${rounds} (Ansible: 5)`);
  emit('startup.version', wall('version'), { empty_node: wall('empty_node') });
  emit('startup.help', wall('help'), { empty_node: wall('empty_node') });
  emit('startup.validate', wall('validate'), { ansible_empty_play: wall('ansible_empty_play') });
}
