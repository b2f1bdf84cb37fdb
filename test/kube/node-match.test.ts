// Matching hosts and nodes: the inventory and the dialled address select the node, the host's own
// data only confirm it, and no two hosts share a node.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/local/index.ts';
import { findNode } from '../../src/engine/node/facts.ts';
import { claimOf, contradiction, type HostIdentity } from '../../src/engine/node/match.ts';
import type { Cluster, NodeState } from '../../src/engine/ports/cluster.ts';
import type { Facts } from '../../src/model/fact.ts';
import { ok } from '../../src/model/run/failure.ts';
import { node } from './pods.ts';

const clusterOf = (nodes: readonly NodeState[]): Cluster =>
  ({ nodes: async () => ok(nodes) }) as Partial<Cluster> as Cluster;

describe('the node of a host', () => {
  const nodes = [
    node('n1.example.net', {
      addresses: ['10.0.0.1', 'fd00::1'],
      labels: { 'kubernetes.io/hostname': 'n1' },
      bootId: 'boot-1',
    }),
    node('n2.example.net', { addresses: ['10.0.0.2', 'n2.public.example'], bootId: 'boot-2' }),
    node('n3.example.net', { addresses: ['10.0.0.3'], bootId: 'boot-3' }),
    node('n3.example.org', { addresses: ['10.0.0.4', '127.0.0.1', 'localhost'], bootId: 'boot-4' }),
  ];
  const silent = { hostName: '', bootId: '' };
  it.each([
    [
      'by the inventory',
      { host: 'x', nodeName: 'n2.example.net', addresses: ['10.0.0.1'] },
      'n2.example.net',
    ],
    ['by its label', { host: 'n1' }, 'n1.example.net'],
    ['by address', { host: 'x', addresses: ['127.0.0.1', '10.0.0.2'] }, 'n2.example.net'],
    [
      'by an address of both protocols',
      { host: 'x', addresses: ['::ffff:10.0.0.2'] },
      'n2.example.net',
    ],
    ['by an address of the new protocol', { host: 'x', addresses: ['FD00::1'] }, 'n1.example.net'],
    ['by its public name', { host: 'x', addresses: ['N2.public.example'] }, 'n2.example.net'],
    ['by its short name', { host: 'n2' }, 'n2.example.net'],
    ['by its name whatever the case', { host: 'N3.Example.Net' }, 'n3.example.net'],
    ['by two ways that agree', { host: 'n1', addresses: ['10.0.0.1'] }, 'n1.example.net'],
    [
      'a short name does not contradict an address',
      { host: 'n3', addresses: ['10.0.0.3'] },
      'n3.example.net',
    ],
  ] as const)('%s', (_, host, name) =>
    expect(claimOf(host, nodes)).toMatchObject({ ok: true, value: { node: name } }),
  );

  it.each([
    ['a node_name that is not there', { host: 'x', nodeName: 'gone' }, /no such node/],
    [
      'two nodes of one short name',
      { host: 'n3' },
      /n3.example.net \(by the short name of n3\), n3.example.org/,
    ],
    [
      'name and address that disagree',
      { host: 'n1', addresses: ['10.0.0.2'] },
      /more than one node/,
    ],
    [
      'nothing known',
      { host: 'x', addresses: ['127.0.0.1', 'localhost'] },
      /no node of the cluster/,
    ],
    [
      'an address that every machine has',
      { host: 'x', addresses: ['127.0.0.1'] },
      /no node of the cluster/,
    ],
  ] as const)('%s is refused', (_, host, message) => {
    const found = claimOf(host, nodes);
    expect(found.ok ? '' : found.failure.message).toMatch(message);
  });

  it('an empty cluster matches nothing', () => expect(claimOf({ host: 'a' }, []).ok).toBe(false));

  it.each([
    ['fits', { hostName: 'n1', bootId: 'boot-1' }, undefined],
    ['says nothing', silent, undefined],
    ['has a name that no node has', { hostName: 'web', bootId: 'boot-9' }, undefined],
    [
      'names the boot of another node',
      { hostName: 'n1', bootId: 'boot-2' },
      /x: it is node n1.example.net.*reports the boot id of n2.example.net/,
    ],
    [
      'calls itself as another node',
      { hostName: 'N2.example.net', bootId: 'boot-1' },
      /calls itself n2.example.net/,
    ],
  ] as const)('the data of the host: it %s', (_, own, message) => {
    const said = contradiction({ host: 'x' }, own, 'n1.example.net', nodes);
    if (message === undefined) expect(said).toBeUndefined();
    else expect(said).toMatch(message);
  });

  it('node_name wins over a host name, but not over the boot id of another node', () => {
    const named = { host: 'x', nodeName: 'n1.example.net' };
    expect(
      contradiction(named, { hostName: 'n2.example.net', bootId: '' }, 'n1.example.net', nodes),
    ).toBeUndefined();
    expect(
      contradiction(named, { hostName: '', bootId: 'boot-2' }, 'n1.example.net', nodes),
    ).toMatch(/boot id of n2/);
  });

  it('a boot id of many nodes is ignored: they are containers of one machine', () => {
    const same = [node('a', { bootId: 'one' }), node('b', { bootId: 'one' })];
    expect(
      contradiction({ host: 'a' }, { hostName: '', bootId: 'one' }, 'a', same),
    ).toBeUndefined();
  });

  it('law: whatever a host reports of itself, its node stays the same or it is refused', () => {
    const word = fc.constantFrom(
      '',
      'n1',
      'n2.example.net',
      '10.0.0.3',
      'localhost',
      'boot-1',
      'boot-4',
      'constructor',
      '__proto__',
    );
    const identity = fc.record({
      host: word.map((name) => name || 'x'),
      addresses: fc.array(word, { maxLength: 2 }),
    });
    const world = clusterOf(nodes);
    const search = (hostFacts: Facts, who: HostIdentity) =>
      findNode({ identity: who, known: [], hostFacts }, { cluster: world, clock: systemClock });
    return fc.assert(
      fc.asyncProperty(identity, word, word, async (who, hostName, bootId) => {
        const quiet = await search({}, who);
        const loud = await search({ 'host.name': hostName, 'boot.id': bootId }, who);
        if (loud.ok) expect(loud).toEqual(quiet);
        else expect(loud.failure.kind).toBe('refused');
      }),
    );
  });

  it.each([
    [
      'by names',
      [
        { host: 'a', nodeName: 'n1.example.net' },
        { host: 'b', nodeName: 'n1.example.net' },
      ],
      { a: 'b', b: 'a' },
    ],
    [
      'by name and address',
      [{ host: 'n1' }, { host: 'b', addresses: ['10.0.0.1'] }],
      { n1: 'b', b: 'n1' },
    ],
    [
      'the operator names one of them',
      [{ host: 'a', nodeName: 'n1.example.net' }, { host: 'n1' }],
      { n1: 'a' },
    ],
    [
      'a short name yields',
      [{ host: 'n2.mgmt.example' }, { host: 'b', addresses: ['10.0.0.2'] }],
      { 'n2.mgmt.example': 'b' },
    ],
    ['two nodes', [{ host: 'n1' }, { host: 'n2' }], {}],
  ] as const)(
    'two hosts of one node, %s: both are refused, with both names',
    async (_, known, refused) => {
      const found = await Promise.all(
        known.map((identity) =>
          findNode(
            { identity, known, hostFacts: {} },
            { cluster: clusterOf(nodes), clock: systemClock },
          ),
        ),
      );
      const expected = known.map(({ host }) => {
        const other = (refused as Readonly<Record<string, string>>)[host];
        return other === undefined
          ? 'its own'
          : expect.stringMatching(new RegExp(`^${host}: node .* is also that of host ${other}$`));
      });
      expect(found.map((one) => (one.ok ? 'its own' : one.failure.message))).toEqual(expected);
    },
  );
});
