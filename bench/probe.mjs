// What a probe costs the host that it runs on, and how much it prints: this machine, and a tree
// like an el7 node with 110 pods.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makePodNode } from './pods.mjs';
import { waitedFor } from './process.mjs';
import { cleanEnv, kmend } from './product.mjs';

/**
 * The kernel counts CPU in hundredths of a second: so many runs are one measurement, and the
 * smallest of five counts. A shell starts them, because Node would add the copy of its own memory
 * map to each, which no host pays.
 */
const [runs, rounds] = [20, 5];
const loop = `i=0; while [ $i -lt ${runs} ]; do sh "$0" >/dev/null 2>&1; i=$((i + 1)); done`;

export async function probe({ folder, emit, print }) {
  const env = cleanEnv(folder);
  const script = spawnSync(kmend[0], [...kmend.slice(1), 'probe'], {
    env,
    encoding: 'utf8',
  }).stdout;
  const file = join(folder, 'probe.sh');
  writeFileSync(file, script);
  const root = join(folder, 'node');
  makePodNode(root);
  const places = { small: env, pods: { ...env, KMEND_ROOT: root } };
  const best = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, place] of Object.entries(places)) {
      const before = waitedFor();
      spawnSync('sh', ['-c', loop, file], { env: place, stdio: 'ignore' });
      best[name] = Math.min(
        best[name] ?? Number.POSITIVE_INFINITY,
        ((waitedFor() - before) * 1000) / runs,
      );
    }
  }
  const { length } = spawnSync('sh', ['-c', script], {
    env: places.pods,
    stdio: ['ignore', 'pipe', 'ignore'],
  }).stdout;
  print(
    `# the script has ${(script.length / 1024).toFixed(1)} KB; smallest of ${rounds} times ${runs} runs`,
  );
  emit('probe.small.cpu', best.small, {});
  emit('probe.pods.cpu', best.pods, {});
  emit('probe.pods.output', length / 1024, {});
}
