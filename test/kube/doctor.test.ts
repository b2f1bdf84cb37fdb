// `kmend doctor` on a cluster: names the rights that the account lacks, by verb and resource.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { rights } from '../../src/adapters/kube/client/rights.ts';
import { clusterFor } from './cluster-on.ts';
import { type NodeFleet, nodeFleet, nodePlay, sickNode } from './fleet-nodes.ts';

let world: NodeFleet;

const doctor = () => world.run(['doctor', '-i', world.lab.fleet.inventoryFile]);

describe('kmend doctor', () => {
  afterEach(() => world.close());

  it('reports that the account has all rights of plan and rollout, and changes nothing', async () => {
    world = await nodeFleet([sickNode('n1')]);
    const done = await doctor();
    expect(done.exit, done.out + done.err).toBe(0);
    expect(done.out).toMatch(
      /^cluster: 1 node at https:\/\/127\.0\.0\.1:\d+, user "ann" of context "lab"/m,
    );
    expect(done.out).toMatch(/may do all of cordon, drain, uncordon \(role kmend-rollout\)/);
    expect(done.out).toMatch(/may do all of the plan and its forecast \(role kmend-forecast\)/);
    expect(
      world.fake.seen.filter(
        (seen) => seen.method !== 'GET' && !seen.path.endsWith('/selfsubjectaccessreviews'),
      ),
    ).toEqual([]);
  });

  it('names the missing rights of each role and exits with 4; optional rights are marked', async () => {
    world = await nodeFleet([sickNode('n1')], {
      forbid: [
        'patch nodes',
        'create pods/eviction',
        'list poddisruptionbudgets',
        'delete pods',
        'watch pods',
        'create events',
        'patch deployments',
      ],
    });
    const done = await doctor();
    expect(done.exit).toBe(4);
    expect(done.out).toMatch(
      /cluster: auth: may not patch nodes, create pods\/eviction: needed for cordon, drain, uncordon.*docs\/rbac\.yaml/,
    );
    expect(done.out).toMatch(
      /cluster: auth: may not list poddisruptionbudgets\.policy: needed for the plan and its forecast/,
    );
    expect(done.out).toMatch(
      /cluster: may not delete pods: needed only for disable_eviction and fallback_without_eviction/,
    );
    expect(done.out).toMatch(
      /cluster: may not list poddisruptionbudgets\.policy, patch deployments\.apps: needed only for single_replica/,
    );
    expect(done.out).toMatch(
      /cluster: may not watch pods: a drain lists the pods of its node every 2 s instead/,
    );
    expect(done.out).toMatch(
      /cluster: may not create events: needed only for events on nodes \(role kmend-events\)/,
    );
  });

  it('fails if the API server cannot be reached', async () => {
    world = await nodeFleet([sickNode('n1')]);
    void world.fake.restart(3_000);
    const done = await doctor();
    expect(done.exit).toBe(6);
    expect(done.out).toMatch(/cluster: unreachable: the API server .* cannot be reached/);
  });

  it('warns of an unsafe connection, as the plan and the journal do', async () => {
    world = await nodeFleet([sickNode('n1')]);
    const cluster = clusterFor(world.fake, {
      'certificate-authority-data': undefined,
      'insecure-skip-tls-verify': true,
    });
    const run = (args: readonly string[]) => world.run(args, { cluster });
    const why =
      /context "lab" of kubeconfig: the certificate of https:\/\/127.0.0.1:\d+ is not checked/;
    expect((await run(['doctor', '-i', world.lab.fleet.inventoryFile])).out).toMatch(
      new RegExp(`^cluster: warning: ${why.source}`, 'm'),
    );
    const play = world.lab.file('remedy.yaml', nodePlay());
    const planned = await run(['plan', play, '--json']);
    expect(JSON.parse(planned.out).plays[0].notes).toEqual([expect.stringMatching(why)]);
    await run(['apply', play, '--yes']);
    expect(world.lab.journal().filter(({ type }) => type === 'warning')).toEqual([
      expect.objectContaining({ text: expect.stringMatching(why) }),
    ]);
  });
});

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

describe('docs/rbac.yaml', () => {
  const text = readFileSync(resolve(import.meta.dirname, '../../docs/rbac.yaml'), 'utf8');
  const documents = parseAllDocuments(text).map(
    (one) => one.toJS() as { metadata: { name: string; namespace?: string }; rules: Rule[] },
  );
  const granted = (name: string): readonly string[] =>
    documents
      .filter(({ metadata }) => metadata.name === name)
      .flatMap(({ metadata, rules }) =>
        rules.flatMap(({ apiGroups, resources, verbs }) =>
          verbs.flatMap((verb) =>
            resources.map(
              (resource) => `${metadata.namespace ?? '*'}: ${verb} ${resource}.${apiGroups.join()}`,
            ),
          ),
        ),
      );

  it.each([
    ['kmend-rollout', ['rollout', 'watch']],
    ['kmend-forecast', ['forecast']],
    ['kmend-events', ['events']],
    ['kmend-surge', ['surge']],
  ] as const)('%s grants the rights that doctor checks, and nothing more', (name, roles) => {
    const asked = roles.flatMap((role) =>
      rights[role].map(
        ({ verb, group, resource, subresource, namespace = '*' }) =>
          `${namespace}: ${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}.${group}`,
      ),
    );
    expect([...granted(name)].sort()).toEqual([...asked].sort());
  });
});
