// What a probe costs the host that it runs on, and how much it prints: this machine, and a tree
// like an el7 node with 110 pods.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { makePodNode } from './pods.mjs';
import { waitedFor } from './process.mjs';
import { cleanEnv, kmend } from './product.mjs';

/**
 * The kernel counts CPU in hundredths of a second: so many runs are one measurement, and the
 * smallest of five counts.
 */
const [runs, rounds] = [20, 5];

export async function probe({ folder, emit, print }) {
  const env = cleanEnv(folder);
  const script = spawnSync(kmend[0], [...kmend.slice(1), 'probe'], {
    env,
    encoding: 'utf8',
  }).stdout;
  const root = join(folder, 'node');
  makePodNode(root);
  const places = { small: env, pods: { ...env, KMEND_ROOT: root } };
  const best = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, place] of Object.entries(places)) {
      const before = waitedFor();
      for (let run = 0; run < runs; run++)
        spawnSync('sh', ['-c', script], { env: place, stdio: 'ignore' });
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
