// `npm run test:full`: the long campaigns with their full numbers, before a release. Every step
// runs, also after one has failed; the end says which.
import { spawnSync } from 'node:child_process';

const steps = [
  [
    'laws and properties, 20,000 worlds',
    ['vitest', 'run', '--project', 'unit', '--project', 'laws'],
    { KMEND_SLOW: '1' },
  ],
  [
    'kill -9 at every type of event and at 500 random moments',
    ['vitest', 'run', '--project', 'crash'],
    { KMEND_CRASH_POINTS: '100' },
  ],
  ['40 kills of rollouts on real hosts', ['node', 'scripts/chaos.mjs', '--kills', '40'], {}],
  ['an hour of fuzzing', ['node', 'scripts/fuzz.mjs', '--seconds', '3600'], {}],
  ['a full machine in QEMU', ['vitest', 'run', '--project', 'vm', 'full'], {}],
];

const failed = [];
for (const [name, [command, ...args], more] of steps) {
  process.stdout.write(`\n== ${name}\n`);
  const program = command === 'node' ? [command, args] : ['npx', [command, ...args]];
  const { status } = spawnSync(...program, { stdio: 'inherit', env: { ...process.env, ...more } });
  if (status !== 0) failed.push(name);
}
process.stdout.write(
  failed.length === 0 ? '\nfull: all fine\n' : `\nfull: FAILED: ${failed.join(', ')}\n`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
