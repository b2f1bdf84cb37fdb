// The forecast beside the drain that follows it, on a real API server: what it says must come, and
// asking must never evict.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DrainOptions } from '../../src/model/run/effect.ts';
import { cordonAndDrain, owner, sleep, value } from '../kube/cluster-on.ts';
import { drainOptions } from '../kube/pods.ts';
import { missing, startLab } from './kube-lab.ts';
import { labNumber } from './lab.ts';

const title = `a forecast on a real API server${missing === undefined ? '' : ` (skipped: ${missing})`}`;
const roles = resolve(import.meta.dirname, '../../docs/rbac.yaml');
const dead = 'https://127.0.0.1:9/x';

describe.skipIf(missing !== undefined)(title, () => {
  let lab: ReturnType<typeof startLab>;
  beforeAll(() => {
    lab = startLab();
    lab.kubectl('apply', '-f', roles);
    for (const role of ['kmend-rollout', 'kmend-forecast']) {
      lab.kubectl('create', 'clusterrolebinding', role, `--clusterrole=${role}`, '--user=kmend');
    }
  });
  afterAll(() => lab?.stop());
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') console.error(lab.logs());
  });

  /** Three pods of a Deployment on n1, in a namespace of their own. */
  async function onN1(pods: object = {}): Promise<string> {
    lab.kubectl('cordon', 'n2', 'n3', 'n4');
    lab.clear('n1');
    return lab.deployWeb(3, { spec: pods });
  }

  interface Hook {
    readonly kind?: 'Validating' | 'Mutating';
    readonly clientConfig: object;
    readonly more?: object;
  }
  async function withHook(
    { kind = 'Validating', clientConfig, more = {} }: Hook,
    act: () => Promise<void>,
  ): Promise<void> {
    const webhook = {
      name: 'lab.example.com',
      rules: [
        {
          apiGroups: [''],
          apiVersions: ['v1'],
          operations: ['CREATE'],
          resources: ['pods/eviction'],
        },
      ],
      clientConfig,
      failurePolicy: 'Fail',
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      timeoutSeconds: 3,
      ...more,
    };
    lab.apply({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: `${kind}WebhookConfiguration`,
      metadata: { name: 'lab' },
      webhooks: [webhook],
    });
    await sleep(1_500);
    try {
      await act();
    } finally {
      lab.kubectl('delete', `${kind.toLowerCase()}webhookconfiguration`, 'lab');
      await sleep(1_000);
    }
  }

  /**
   * What the forecast of n1 says, and how the drain after it ends; nobody has gone before the
   * drain.
   */
  async function both(namespace: string, options: Partial<DrainOptions> = {}) {
    const cluster = await lab.cluster('kmend');
    const given = drainOptions({ timeout: 8, gracePeriod: 1, ...options });
    const before = lab.kubectl(
      'get',
      'pods',
      '-n',
      namespace,
      '-o',
      'jsonpath={.items[*].metadata.uid}',
    );
    const forecasts = [
      value(await cluster.forecast('n1', given, undefined, 'plan')),
      value(await cluster.forecast('n1', given, undefined, 'start')),
    ] as const;
    expect(
      lab.kubectl('get', 'pods', '-n', namespace, '-o', 'jsonpath={.items[*].metadata.uid}'),
    ).toBe(before);
    expect(
      lab.kubectl(
        'get',
        'pods',
        '-n',
        namespace,
        '-o',
        'jsonpath={.items[*].metadata.deletionTimestamp}',
      ),
    ).toBe('');
    const { outcome } = await cordonAndDrain(cluster, given);
    value(await cluster.uncordon('n1', owner));
    cluster.close();
    return { plan: forecasts[0], start: forecasts[1], drained: outcome.ok };
  }
  const forget = (namespace: string): unknown =>
    lab.kubectl('delete', 'namespace', namespace, '--wait=false');

  it('webhooks: what the server says to a dry run is what the drain meets', async () => {
    const hookAt = (path: string) => ({
      url: `https://127.0.0.1:${19_443 + 10 * labNumber}/${path}`,
    });
    const caBundle = Buffer.from(readFileSync(join(lab.file('pki'), 'ca.crt'))).toString('base64');
    const service = { service: { namespace: 'default', name: 'gone' }, caBundle };
    const rows: readonly (readonly [string, Hook, RegExp | undefined])[] = [
      ['a dead service', { clientConfig: service }, /failed calling webhook/],
      [
        'a mutating one, dead',
        { kind: 'Mutating', clientConfig: service },
        /failed calling webhook/,
      ],
      ['a dead URL', { clientConfig: { url: dead, caBundle } }, /failed calling webhook/],
      ['one that denies', { clientConfig: { ...hookAt('deny'), caBundle } }, /the lab says no/],
      [
        'dead, for another namespace',
        { clientConfig: service, more: { namespaceSelector: { matchLabels: { a: 'b' } } } },
        undefined,
      ],
      [
        'dead, for objects with a label',
        { clientConfig: service, more: { objectSelector: { matchLabels: { app: 'web' } } } },
        undefined,
      ],
    ];
    for (const [name, hook, refused] of rows) {
      const namespace = await onN1();
      lab.kubectl('uncordon', 'n2', 'n3', 'n4');
      await withHook(hook, async () => {
        const { plan, start, drained } = await both(namespace);
        const blocks = refused === undefined ? [] : [expect.stringMatching(refused)];
        expect([name, plan.blocks, start.blocks, drained]).toEqual([
          name,
          blocks,
          blocks,
          refused === undefined,
        ]);
      });
      forget(namespace);
    }
  }, 120_000);

  it('a webhook that cannot be asked without effect is not known, and is not called', async () => {
    const namespace = await onN1();
    const clientConfig = { service: { namespace: 'default', name: 'gone' } };
    const more = { sideEffects: 'Some', admissionReviewVersions: ['v1beta1'] };
    lab.apply({
      apiVersion: 'admissionregistration.k8s.io/v1beta1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'lab' },
      webhooks: [
        {
          name: 'lab.example.com',
          rules: [
            {
              apiGroups: [''],
              apiVersions: ['v1'],
              operations: ['CREATE'],
              resources: ['pods/eviction'],
            },
          ],
          failurePolicy: 'Ignore',
          clientConfig,
          ...more,
        },
      ],
    });
    await sleep(1_500);
    const cluster = await lab.cluster('kmend');
    const { blocks, warnings } = value(await cluster.forecast('n1', drainOptions({ timeout: 60 })));
    expect(blocks).toEqual([]);
    expect(warnings).toContainEqual(
      expect.stringMatching(
        /what the API server answers to an eviction is not known: .*does not support dry run/,
      ),
    );
    lab.kubectl('delete', 'validatingwebhookconfiguration', 'lab');
    cluster.close();
    forget(namespace);
  });

  it('a budget whose pods have nowhere to go, and more grace than the timeout, are in the forecast of the drain that fails', async () => {
    const stuck = await onN1({ nodeSelector: { 'kubernetes.io/hostname': 'n1' } });
    await lab.budget(stuck, 'web', { minAvailable: 2 });
    const first = await both(stuck);
    expect(first.drained).toBe(false);
    expect(first.plan.busy).toEqual([
      expect.stringMatching(
        /nowhere to go, and PDB web allows 1 of 3 \(minAvailable 2\): the drain would stop after 1$/,
      ),
    ]);
    forget(stuck);
    const slow = await onN1({ terminationGracePeriodSeconds: 600 });
    const second = await (await lab.cluster('kmend')).forecast('n1', drainOptions({ timeout: 20 }));
    expect(value(second).warnings).toContainEqual(
      expect.stringMatching(/^needs at least 600 s of grace, timeout is 20 s: web-/),
    );
    forget(slow);
    lab.kubectl('uncordon', 'n2', 'n3', 'n4');
  });
});
