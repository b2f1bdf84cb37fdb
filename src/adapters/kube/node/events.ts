// Writes Kubernetes events on nodes, in the form of the kubelet, for "Events" in `kubectl describe
// node`.

import type { Cluster, NodeNote } from '../../../engine/ports/cluster.ts';
import type { Clock } from '../../../engine/ports/local.ts';
import { ok } from '../../../model/run/failure.ts';
import type { Api } from '../client/api.ts';
import { refusal } from '../client/errors.ts';

/** Number of events whose count may still rise, as in client-go. */
const mostKnown = 4_096;

interface Known {
  readonly name: string;
  readonly count: number;
}

/** kubectl finds the events of a node by a uid that equals its name. */
const bodyOf = (
  name: string,
  { node, reason, message, warning }: NodeNote,
  now: string,
): object => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name, namespace: 'default' },
  involvedObject: { kind: 'Node', name: node, uid: node },
  reason,
  message,
  type: warning ? 'Warning' : 'Normal',
  source: { component: 'kmend' },
  firstTimestamp: now,
  lastTimestamp: now,
  count: 1,
});

export function createEvents(api: Api, clock: Clock): Cluster['announce'] {
  const known = new Map<string, Known>();

  function remember(key: string, event: Known): void {
    known.delete(key);
    known.set(key, event);
    const [oldest] = known.keys();
    if (known.size > mostKnown && oldest !== undefined) known.delete(oldest);
  }

  return async function announce(note, signal) {
    const now = `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;
    const key = JSON.stringify(note);
    const before = known.get(key);
    const count = (before?.count ?? 0) + 1;
    const name = before?.name ?? `${note.node}.${clock.id().slice(0, 16)}`;
    const body = before === undefined ? bodyOf(name, note, now) : { count, lastTimestamp: now };
    const reply = await api.event(name, body, before === undefined, signal);
    if (!reply.ok) return reply;
    const { status } = reply.value;
    if (status < 300) {
      remember(key, { name, count });
      return ok(true);
    }
    known.delete(key);
    // The event has expired: Kubernetes deletes events after an hour.
    if (before !== undefined && status === 404) return announce(note, signal);
    const verb = before === undefined ? 'create' : 'patch';
    return {
      ok: false,
      failure: refusal(status, reply.value.body, { verb, resource: 'events' }, api.account),
    };
  };
}
