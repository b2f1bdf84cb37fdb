// Kubernetes events on nodes, as the kubelet writes them: what `kubectl describe node` shows below
// "Events".

import type { Cluster, NodeNote } from '../../../engine/ports/cluster.ts';
import type { Clock } from '../../../engine/ports/local.ts';
import { ok } from '../../../model/run/failure.ts';
import type { Api } from '../client/api.ts';
import { refusal } from '../client/errors.ts';

/** Events that may still be counted up; client-go's number. */
const mostKnown = 4_096;

interface Known {
  readonly name: string;
  readonly count: number;
}

/** The uid of a node in its events is its name: kubectl looks for that. */
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
    // It has expired: events live for an hour.
    if (before !== undefined && status === 404) return announce(note, signal);
    const verb = before === undefined ? 'create' : 'patch';
    return {
      ok: false,
      failure: refusal(status, reply.value.body, { verb, resource: 'events' }, api.who),
    };
  };
}
