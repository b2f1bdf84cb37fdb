// The behaviour of an API server that kmend relies on, as a suite of calls. It runs against the
// fake server (1.20 and modern) and a real 1.20.
import { Agent, request } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// biome-ignore lint/suspicious/noExplicitAny: answers are JSON of any shape
type Json = any;

export interface Reply {
  readonly status: number;
  readonly body: Json;
}

export interface ApiBench {
  /** JSON, with the client certificate inside. */
  readonly kubeconfig: string;
  /** policy/v1: 1.22 and newer; AlwaysAllow: 1.26 and newer. */
  readonly modern: boolean;
  /**
   * Running on n1 in the namespace `suite`; it is there, and Ready unless said otherwise, when the
   * promise is kept.
   */
  readonly pod: (
    name: string,
    labels: Readonly<Record<string, string>>,
    more?: PodMore,
  ) => Promise<void>;
  /** A budget over app=NAME, counted. */
  readonly budget: (
    name: string,
    spec: Readonly<Record<string, unknown>>,
    status: Readonly<Record<string, number>>,
  ) => Promise<void>;
  /** A version that is too old for a watch. */
  readonly tooOld: () => Promise<string>;
  readonly stop: () => Promise<void> | void;
}

export interface PodMore {
  readonly neverReady?: boolean;
  readonly neverEnds?: boolean;
}

const podsPath = '/api/v1/namespaces/suite/pods';
const table = 'application/json;as=Table;g=meta.k8s.io;v=v1,application/json';
const partial = (kind: string): string =>
  `application/json;as=${kind};g=meta.k8s.io;v=v1,application/json`;

interface More {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Reads lines of a stream until this many have arrived. */
  readonly lines?: number;
}

function clientOf(kubeconfig: string) {
  const { clusters, users } = JSON.parse(kubeconfig);
  const from64 = (text: string): Buffer => Buffer.from(text, 'base64');
  const agent = new Agent({ keepAlive: true });
  const identity = {
    agent,
    ca: from64(clusters[0].cluster['certificate-authority-data']),
    cert: from64(users[0].user['client-certificate-data']),
    key: from64(users[0].user['client-key-data']),
  };
  const call = (
    method: string,
    path: string,
    { body, headers = {}, lines }: More = {},
  ): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const sent = body === undefined ? undefined : JSON.stringify(body);
      const length =
        sent === undefined || headers['transfer-encoding'] !== undefined
          ? {}
          : { 'content-length': Buffer.byteLength(sent) };
      const type = sent === undefined ? {} : { 'content-type': 'application/json' };
      const url = `${clusters[0].cluster.server}${path}`;
      const asked = request(
        url,
        { ...identity, method, headers: { ...type, ...length, ...headers } },
        (response) => {
          let text = '';
          const done = (): void =>
            resolve({ status: response.statusCode ?? 0, body: read(text, lines !== undefined) });
          response.setEncoding('utf8');
          response.on('data', (part: string) => {
            text += part;
            if (lines === undefined || text.split('\n').length <= lines) return;
            done();
            asked.destroy();
          });
          response.on('end', done);
          response.on('error', reject);
        },
      );
      asked.on('error', reject);
      asked.end(sent);
    });
  return { call, close: () => agent.destroy() };
}

/** The body of a 404 may not be JSON. */
const parsed = (text: string): Json => (text.startsWith('{') ? JSON.parse(text) : text);
const read = (text: string, isStream: boolean): Json =>
  isStream ? text.split('\n').slice(0, -1).map(parsed) : parsed(text);

/** The suite, for one server. */
export function apiSuite(title: string, open: () => Promise<ApiBench>, isModern = false): void {
  describe(title, () => {
    let bench: ApiBench;
    let client: ReturnType<typeof clientOf>;
    beforeAll(async () => {
      bench = await open();
      client = clientOf(bench.kubeconfig);
    });
    afterAll(async () => {
      client?.close();
      await bench?.stop();
    });
    const call = (...args: Parameters<ReturnType<typeof clientOf>['call']>): Promise<Reply> =>
      client.call(...args);
    const versions = isModern
      ? { eviction: 'policy/v1', pdb: 'policy/v1' }
      : { eviction: 'policy/v1beta1', pdb: 'policy/v1beta1' };
    const evict = (
      name: string,
      deleteOptions: object = {},
      apiVersion = versions.eviction,
    ): Promise<Reply> =>
      call('POST', `${podsPath}/${name}/eviction`, {
        body: {
          apiVersion,
          kind: 'Eviction',
          metadata: { name, namespace: 'suite' },
          deleteOptions,
        },
      });
    const get = async (name: string): Promise<Json> =>
      (await call('GET', `${podsPath}/${name}`)).body;
    const nodeVersion = async (): Promise<string> =>
      (await call('GET', '/api/v1/nodes/n1')).body.metadata.resourceVersion;

    describe('discovery', () => {
      it('lists the version of the eviction API', async () => {
        const { body } = await call('GET', '/api/v1');
        const [group, version] = versions.eviction.split('/');
        expect(body.resources.find(({ name }: Json) => name === 'pods/eviction')).toMatchObject({
          kind: 'Eviction',
          group,
          version,
        });
      });

      it('lists the versions of the PDB API', async () => {
        const { body } = await call('GET', '/apis/policy');
        expect(
          body.versions.map(({ groupVersion }: Json) => groupVersion).includes('policy/v1'),
        ).toBe(isModern);
      });

      it('answers whether the account has a right', async () => {
        const spec = {
          resourceAttributes: {
            verb: 'create',
            group: '',
            resource: 'pods',
            subresource: 'eviction',
          },
        };
        const body = {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectAccessReview',
          spec,
        };
        expect(
          await call('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { body }),
        ).toMatchObject({
          status: 201,
          body: { status: { allowed: true } },
        });
      });

      it.each([
        '/api/v1/nodes/none',
        `${podsPath}/none`,
        '/apis/apps/v1/namespaces/suite/daemonsets/none',
        '/apis/none.example/v1',
      ])('has no %s', async (path) => expect((await call('GET', path)).status).toBe(404));
    });

    describe('an eviction', () => {
      it('is accepted, and the pod is ending', async () => {
        await bench.pod('goes', {}, { neverEnds: true });
        expect(await evict('goes', { gracePeriodSeconds: 7 })).toMatchObject({
          status: 201,
          body: { kind: 'Status', status: 'Success' },
        });
        expect((await get('goes')).metadata).toMatchObject({
          deletionTimestamp: expect.any(String),
          deletionGracePeriodSeconds: 7,
        });
        expect((await evict('goes')).status).toBe(201);
      });

      it('of a pod that does not exist, or has another uid, is refused', async () => {
        await bench.pod('other', {});
        expect(await evict('none')).toMatchObject({
          status: 404,
          body: { kind: 'Status', reason: 'NotFound' },
        });
        expect(await evict('other', { preconditions: { uid: 'of-another' } })).toMatchObject({
          status: 409,
          body: { reason: 'Conflict', message: expect.stringMatching(/UID/) },
        });
        expect((await get('other')).metadata.deletionTimestamp).toBeUndefined();
      });

      it.each([
        ['in its options', { dryRun: ['All'] }, ''],
        ['in the address', {}, '?dryRun=All'],
        ['in both', { dryRun: ['All'] }, '?dryRun=All'],
      ])('as a dry run, %s: is accepted and does nothing', async (_, deleteOptions, query) => {
        await bench.pod('dry', {});
        const body = {
          apiVersion: versions.eviction,
          kind: 'Eviction',
          metadata: { name: 'dry', namespace: 'suite' },
          deleteOptions,
        };
        expect((await call('POST', `${podsPath}/dry/eviction${query}`, { body })).status).toBe(201);
        expect((await get('dry')).metadata.deletionTimestamp).toBeUndefined();
      });

      it('of an unknown version gets 400, not 404', async () => {
        await bench.pod('version', {});
        const unknown = isModern ? 'policy/v9' : 'policy/v1';
        expect(await evict('version', {}, unknown)).toMatchObject({
          status: 400,
          body: {
            reason: 'BadRequest',
            message: expect.stringMatching(/no kind "Eviction" is registered/),
          },
        });
      });

      it('that exceeds a budget is refused with the budget as its cause, also as a dry run', async () => {
        await bench.pod('web-1', { app: 'web' });
        await bench.budget(
          'web',
          { minAvailable: 1 },
          { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 },
        );
        for (const options of [{}, { dryRun: ['All'] }]) {
          expect(await evict('web-1', options)).toMatchObject({
            status: 429,
            body: {
              kind: 'Status',
              reason: 'TooManyRequests',
              message: "Cannot evict pod as it would violate the pod's disruption budget.",
              details: {
                causes: [
                  {
                    reason: 'DisruptionBudget',
                    message: 'The disruption budget web needs 1 healthy pods and has 1 currently',
                  },
                ],
              },
            },
          });
        }
        expect((await get('web-1')).metadata.deletionTimestamp).toBeUndefined();
      });

      it('uses up the budget; a dry run does not', async () => {
        for (const name of ['api-1', 'api-2']) await bench.pod(name, { app: 'api' });
        await bench.budget(
          'api',
          { minAvailable: 1 },
          { disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1, expectedPods: 2 },
        );
        for (const name of ['api-1', 'api-2'])
          expect((await evict(name, { dryRun: ['All'] })).status).toBe(201);
        expect([(await evict('api-1')).status, (await evict('api-2')).status]).toEqual([201, 429]);
      });

      it('of a pod with two budgets is an internal error', async () => {
        await bench.pod('two-1', { app: 'two', also: 'yes' });
        const status = {
          disruptionsAllowed: 1,
          currentHealthy: 1,
          desiredHealthy: 0,
          expectedPods: 1,
        };
        await bench.budget('two', { minAvailable: 0 }, status);
        await bench.budget(
          'also',
          { minAvailable: 0, selector: { matchLabels: { also: 'yes' } } },
          status,
        );
        expect(await evict('two-1')).toMatchObject({
          status: 500,
          body: { message: expect.stringMatching(/more than one PodDisruptionBudget/) },
        });
      });

      it('of a pod that is not ready does not use a budget that is met without it', async () => {
        await bench.pod('sick-1', { app: 'sick' });
        await bench.pod('sick-2', { app: 'sick' }, { neverReady: true });
        const status = {
          disruptionsAllowed: 0,
          currentHealthy: 1,
          desiredHealthy: 1,
          expectedPods: 2,
        };
        await bench.budget('sick', { minAvailable: 1 }, status);
        expect((await evict('sick-2', { dryRun: ['All'] })).status).toBe(201);
        expect((await evict('sick-1', { dryRun: ['All'] })).status).toBe(429);
      });

      if (isModern) {
        it.each([
          [undefined, 429],
          ['IfHealthyBudget', 429],
          ['AlwaysAllow', 201],
        ])(
          'of one that is not ready under an unmet budget with the policy %s',
          async (unhealthyPodEvictionPolicy, expected) => {
            const name = `unmet-${unhealthyPodEvictionPolicy ?? 'default'}`.toLowerCase();
            await bench.pod(`${name}-1`, { app: name }, { neverReady: true });
            const policy =
              unhealthyPodEvictionPolicy === undefined ? {} : { unhealthyPodEvictionPolicy };
            await bench.budget(
              name,
              { minAvailable: 1, ...policy },
              { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 1, expectedPods: 1 },
            );
            expect((await evict(`${name}-1`)).status).toBe(expected);
          },
        );

        it('in the older version is accepted too', async () => {
          await bench.pod('older', {});
          expect((await evict('older', { dryRun: ['All'] }, 'policy/v1beta1')).status).toBe(201);
        });
      }
    });

    describe('a deletion', () => {
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 7 };

      it('reads its options from a body with a length', async () => {
        await bench.pod('deleted', {}, { neverEnds: true });
        expect((await call('DELETE', `${podsPath}/deleted`, { body })).status).toBe(200);
        expect((await get('deleted')).metadata.deletionGracePeriodSeconds).toBe(7);
      });

      it('with another uid is a conflict', async () => {
        await bench.pod('kept', {});
        const options = { ...body, preconditions: { uid: 'of-another' } };
        expect((await call('DELETE', `${podsPath}/kept`, { body: options })).status).toBe(409);
      });
    });

    describe('a list', () => {
      const three = ['list-1', 'list-2', 'list-3'];
      const named = (reply: Reply): readonly string[] =>
        reply.body.items.map(({ metadata }: Json) => metadata.name);
      const listed = (query: string, accept = 'application/json'): Promise<Reply> =>
        call('GET', `${podsPath}?labelSelector=app%3Dlist&${query}`, { headers: { accept } });
      beforeAll(async () => {
        for (const name of three) await bench.pod(name, { app: 'list' });
      });

      it('comes in pages, each with the version of the first', async () => {
        const first = await listed('limit=2');
        expect(named(first)).toEqual(three.slice(0, 2));
        const { continue: next, resourceVersion } = first.body.metadata;
        expect(next).toEqual(expect.stringMatching(/./));
        const second = await listed(`limit=2&continue=${encodeURIComponent(next)}`);
        expect([
          named(second),
          second.body.metadata.continue ?? '',
          second.body.metadata.resourceVersion,
        ]).toEqual([three.slice(2), '', resourceVersion]);
      });

      it('from the cache of the server (resourceVersion=0) has no pages', async () => {
        const cached = await listed('limit=2&resourceVersion=0');
        expect([named(cached).toSorted(), cached.body.metadata.continue ?? '']).toEqual([
          three,
          '',
        ]);
      });

      it.each([
        [
          'NotOlderThan with a version that it has',
          'resourceVersionMatch=NotOlderThan&resourceVersion=1',
          200,
        ],
        ['a match without a version', 'resourceVersionMatch=Exact', 'refused'],
        [
          'a match with a page that goes on',
          'resourceVersionMatch=NotOlderThan&resourceVersion=1&limit=1&continue=x',
          'refused',
        ],
        ['Exact with 0', 'resourceVersionMatch=Exact&resourceVersion=0', 'refused'],
        ['an unknown match', 'resourceVersionMatch=Newer&resourceVersion=1', 'refused'],
      ])('%s', async (_, query, expected) => {
        const { status } = await listed(query);
        expect([400, 422].includes(status) ? 'refused' : status).toBe(expected);
      });

      it('of the pods of one node', async () => {
        const on = async (node: string) =>
          named(await listed(`fieldSelector=${encodeURIComponent(`spec.nodeName=${node}`)}`));
        expect([await on('n1'), await on('n2')]).toEqual([three, []]);
      });

      it('of metadata only', async () => {
        const { body } = await listed('limit=2', partial('PartialObjectMetadataList'));
        expect(body).toMatchObject({
          kind: 'PartialObjectMetadataList',
          metadata: { continue: expect.any(String) },
        });
        expect(
          body.items.map(({ metadata, spec, status }: Json) => [metadata.name, spec, status]),
        ).toEqual(three.slice(0, 2).map((name) => [name, undefined, undefined]));
      });

      it('as a table, without the objects if the request says so', async () => {
        const { body } = await listed('includeObject=None', table);
        expect(body).toMatchObject({
          kind: 'Table',
          apiVersion: 'meta.k8s.io/v1',
          columnDefinitions: expect.any(Array),
        });
        expect(body.columnDefinitions[0]).toMatchObject({ name: 'Name' });
        expect(body.rows.map(({ cells, object }: Json) => [cells[0], object])).toEqual(
          three.map((name) => [name, null]),
        );
      });
    });

    describe('a watch', () => {
      const watched = (version: string, lines: number, accept = table): Promise<Reply> => {
        const selector = `fieldSelector=${encodeURIComponent('spec.nodeName=n1')}`;
        const path = `${podsPath}?watch=1&${selector}&resourceVersion=${version}&timeoutSeconds=5&includeObject=None`;
        return call('GET', path, { headers: { accept }, lines });
      };
      const now = async (): Promise<string> =>
        (await call('GET', podsPath)).body.metadata.resourceVersion;

      it('sends one line per event: a table with one row that names the pod', async () => {
        const from = await now();
        await bench.pod('watched', {});
        const { status, body } = await watched(from, 1);
        expect([status, body[0].type, body[0].object.kind]).toEqual([200, 'ADDED', 'Table']);
        expect(body[0].object.rows.map(({ cells, object }: Json) => [cells[0], object])).toEqual([
          ['watched', null],
        ]);
      });

      it('sends whole objects on request', async () => {
        const from = await now();
        await bench.pod('whole', {});
        const { body } = await watched(from, 1, 'application/json');
        expect(body[0]).toMatchObject({
          type: 'ADDED',
          object: { kind: 'Pod', metadata: { name: 'whole' }, spec: { nodeName: 'n1' } },
        });
      });

      it('from a version that is too old is a 200 with an error in it', async () => {
        const { status, body } = await watched(await bench.tooOld(), 1);
        expect([status, body[0]]).toMatchObject([
          200,
          { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } },
        ]);
      });
    });

    describe('a patch of a node', () => {
      const patch = (body: object, type: string, accept = 'application/json'): Promise<Reply> =>
        call('PATCH', '/api/v1/nodes/n1', { body, headers: { 'content-type': type, accept } });
      const merge = 'application/merge-patch+json';

      it('sets and removes fields, and returns only the metadata on request', async () => {
        const added = await patch(
          { metadata: { annotations: { 'suite/a': '1' } }, spec: { unschedulable: true } },
          merge,
          partial('PartialObjectMetadata'),
        );
        expect(added).toMatchObject({
          status: 200,
          body: { kind: 'PartialObjectMetadata', metadata: { annotations: { 'suite/a': '1' } } },
        });
        expect(added.body.spec).toBeUndefined();
        const taken = await patch(
          { metadata: { annotations: { 'suite/a': null } }, spec: { unschedulable: null } },
          merge,
        );
        expect(taken.body.spec.unschedulable).toBeUndefined();
        expect(taken.body.metadata.annotations['suite/a']).toBeUndefined();
      });

      it('with an old resourceVersion is a conflict and writes nothing', async () => {
        const resourceVersion = await nodeVersion();
        const write = (value: string): Promise<Reply> =>
          patch({ metadata: { resourceVersion, annotations: { 'suite/b': value } } }, merge);
        // A kubelet writes too: the first is repeated with a newer version until it gets through.
        await patch({ metadata: { annotations: { 'suite/c': resourceVersion } } }, merge);
        expect(await write('late')).toMatchObject({ status: 409, body: { reason: 'Conflict' } });
        expect(
          (await call('GET', '/api/v1/nodes/n1')).body.metadata.annotations['suite/b'],
        ).toBeUndefined();
      });

      it('of another content type is refused', async () => {
        expect((await patch({}, 'application/json')).status).toBe(415);
      });

      it('of a node that does not exist is a 404', async () => {
        const path = '/api/v1/nodes/none';
        expect(
          (await call('PATCH', path, { body: {}, headers: { 'content-type': merge } })).status,
        ).toBe(404);
      });
    });

    it('a budget shows its numbers', async () => {
      await bench.pod('counted-1', { app: 'counted' });
      const status = {
        disruptionsAllowed: 0,
        currentHealthy: 1,
        desiredHealthy: 1,
        expectedPods: 1,
      };
      await bench.budget('counted', { minAvailable: 1 }, status);
      const { body } = await call(
        'GET',
        `/apis/${versions.pdb}/namespaces/suite/poddisruptionbudgets`,
      );
      expect(body.items.find(({ metadata }: Json) => metadata.name === 'counted')).toMatchObject({
        spec: { minAvailable: 1, selector: { matchLabels: { app: 'counted' } } },
        status,
      });
    });
  });
}
