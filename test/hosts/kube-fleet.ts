// Practice hosts that are nodes of a real cluster: fake kubelets report the boots and kernels that
// the hosts really have.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createCluster } from '../../src/adapters/kube/index.ts';
import { systemClock } from '../../src/adapters/local/index.ts';
import { parsePlain } from '../../src/load/text/yaml-data.ts';
import { type Child, spawnCommand } from '../cli/child.ts';
import { practice } from '../cli/practice.ts';
import type { CommandResult, WorldChanges } from '../cli/real-world.ts';
import { sickNode } from '../kube/fleet-nodes.ts';
import { startLab } from './kube-lab.ts';

const roles = resolve(import.meta.dirname, '../../docs/rbac.yaml');

export type NodeHosts = Awaited<ReturnType<typeof nodeHosts>>;

/**
 * One host a name, each a node with these labels. Commands run with the two shipped roles and
 * nothing more.
 */
export async function nodeHosts(
  labels: Readonly<Record<string, Readonly<Record<string, string>>>>,
) {
  const names = Object.keys(labels);
  const hosts = await practice(names.map((name) => sickNode(name)));
  const known = new Map(hosts.fleet.hosts.map((host) => [host.name, host.bootId()]));
  const lab = startLab(
    hosts.fleet.hosts.map((host) => ({
      name: host.name,
      labels: labels[host.name] ?? {},
      bootID: host.bootId(),
      kernel: host.kernel(),
    })),
  );
  lab.kubectl('apply', '-f', roles);
  for (const role of ['kmend-rollout', 'kmend-forecast'])
    lab.kubectl('create', 'clusterrolebinding', role, `--clusterrole=${role}`, '--user=kmend');
  // The kubelet comes up later than sshd: until then the API shows the Ready of the boot before.
  const kubelets = setInterval(() => {
    for (const host of hosts.fleet.hosts) {
      if (!host.isUp() || known.get(host.name) === host.bootId()) continue;
      known.set(host.name, host.bootId());
      void lab.control(
        `/reboot?node=${host.name}&seconds=2&notready=2&bootid=${host.bootId()}&kernel=${host.kernel()}`,
      );
    }
  }, 100);

  const as = (args: readonly string[], user: string): readonly string[] => [
    ...args,
    '--kubeconfig',
    lab.kubeconfig(user),
  ];
  const changes: Partial<WorldChanges> = {
    cluster: async ({ kubeconfigs, ...needs }) =>
      createCluster({
        kubeconfigs: kubeconfigs.map((file) => ({ path: file, text: readFileSync(file, 'utf8') })),
        parseYaml: parsePlain,
        env: {},
        clock: systemClock,
        ...needs,
      }),
  };
  /** Does something while pods have only this node to go to. */
  const on = <T>(node: string | undefined, act: () => T): T => {
    const others = node === undefined ? [] : names.filter((one) => one !== node);
    for (const other of others) lab.kubectl('cordon', other);
    const done = act();
    for (const other of others) lab.kubectl('uncordon', other);
    return done;
  };
  const json = (...args: string[]) => JSON.parse(lab.kubectl(...args, '-o', 'json'));
  return {
    names,
    hosts,
    lab,
    json,
    node: (name: string) => json('get', 'node', name),
    run: (args: readonly string[], user = 'kmend'): Promise<CommandResult> =>
      hosts.run(as(args, user), changes),
    /** A process of its own, which can be killed. */
    spawn: (args: readonly string[]): Promise<Child> =>
      spawnCommand([...as(args, 'kmend'), '--state-dir', hosts.state], `${hosts.dir}/home`),
    on,
    deploy: (name: string, replicas: number, node?: string): void =>
      on(node, () => {
        lab.kubectl('create', 'deployment', name, '--image=x', `--replicas=${replicas}`);
        lab.kubectl('rollout', 'status', `deployment/${name}`, '--timeout=120s');
      }),
    budget: (name: string, rule: Parameters<typeof lab.budget>[2]): Promise<void> =>
      lab.budget('default', name, rule),
    close: async (): Promise<void> => {
      clearInterval(kubelets);
      await hosts.close();
      lab.stop();
    },
  };
}
