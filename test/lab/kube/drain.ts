// `drain.ts NODE [kubectl's drain flags]`: the room's drain as a program, so that the recorded cases can be put through it.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { createCluster, kubeconfigPaths } from '../../../src/kube/index.ts';
import { systemClock } from '../../../src/local/index.ts';
import type { DrainOptions } from '../../../src/model/effect.ts';

const [node = '', ...flags] = process.argv.slice(2);
const flag = (name: string): string | undefined => {
  const found = flags.find((item) => item === `--${name}` || item.startsWith(`--${name}=`));
  return found === undefined ? undefined : found.split('=').slice(1).join('=') || 'true';
};
const seconds = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text.replace(/s$/, '')));
const optional = <K extends keyof DrainOptions>(key: K, value: DrainOptions[K] | undefined): Partial<DrainOptions> =>
  value === undefined ? {} : { [key]: value };

const options: DrainOptions = {
  timeout: seconds(flag('timeout')) ?? 3600,
  ignoreDaemonsets: flag('ignore-daemonsets') === 'true',
  deleteEmptydirData: flag('delete-emptydir-data') === 'true',
  force: flag('force') === 'true',
  disableEviction: flag('disable-eviction') === 'true',
  fallbackWithoutEviction: false,
  // As kubectl leaves it: a node whose drain failed stays cordoned.
  keepCordoned: true,
  ...optional('gracePeriod', seconds(flag('grace-period'))),
  ...optional('podSelector', flag('pod-selector')),
  ...optional('skipWaitForDeleteTimeout', seconds(flag('skip-wait-for-delete-timeout'))),
};

function finish(code: number, text: string): never {
  console.log(text);
  process.exit(code);
}

const paths = kubeconfigPaths(process.env, process.env.HOME ?? '');
const kubeconfigs = paths.map((path) => ({ path, text: readFileSync(path, 'utf8') }));
const cluster = await createCluster({ kubeconfigs, parseYaml: parse, env: process.env, clock: systemClock });
if (!cluster.ok) finish(1, `error: ${cluster.failure.message}`);
const { value: api } = cluster;
const owner = { run: `drain-${process.pid}`, number: 1 };

if (flag('dry-run') !== undefined) {
  const forecast = await api.forecast(node, options);
  if (!forecast.ok) finish(1, `error: ${forecast.failure.message}`);
  finish(forecast.value.blocks.length === 0 ? 0 : 1, JSON.stringify(forecast.value, null, 1));
}
const cordoned = await api.cordon(node, owner);
if (!cordoned.ok) finish(1, `error: ${cordoned.failure.message}`);
const drained = await api.drain(node, options, owner, (text) => console.log(text));
const stats = JSON.stringify(api.stats());
if (!drained.ok) finish(1, `error: ${drained.failure.kind}: ${drained.failure.message}\n  ${drained.failure.hint ?? ''}\n${stats}`);
finish(0, `node/${node} drained ${JSON.stringify(drained.value)}\n${stats}`);
