// `npm run test:chaos`: the campaign of test/chaos, with its numbers from the command line.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const usage = `npm run test:chaos -- [options]
  --kills N   controllers that are killed, all rollouts together. Default: 40
  --seed S    whole number that all times are drawn from. Default: 1
  --reporter NAME, --outputFile.json FILE   as for vitest
Needs root and the packages of test:hosts. A kill takes about 40 seconds.
`;

const number = (name, text) => {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name} must be a whole number, not ${text}`);
  return text;
};

try {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '40' },
      seed: { type: 'string', default: '1' },
      reporter: { type: 'string', multiple: true, default: ['default'] },
      'outputFile.json': { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) process.stdout.write(usage);
  else {
    const env = {
      ...process.env,
      KMEND_CHAOS_KILLS: number('kills', values.kills),
      KMEND_CHAOS_SEED: number('seed', values.seed),
    };
    const json = values['outputFile.json'];
    const reporters = [
      ...values.reporter.map((name) => `--reporter=${name}`),
      ...(json === undefined ? [] : [`--outputFile.json=${json}`]),
    ];
    process.exitCode =
      spawnSync('npx', ['vitest', 'run', '--project', 'chaos', ...reporters], {
        stdio: 'inherit',
        env,
      }).status ?? 1;
  }
} catch (error) {
  process.stderr.write(`${error.message}\n${usage}`);
  process.exitCode = 3;
}
