// A session with the machine that runs kmend: scripts run there as on a host, without a connection.
import type { Target } from '../../model/host.ts';
import type { LocalHost } from '../ports/local.ts';
import type { ExecRequest } from '../ports/transport.ts';
import type { Session } from './session.ts';

/** @param target the host for which the machine works */
export function localSession(
  localHost: Pick<LocalHost, 'script'>,
  { become: _become, ...target }: Target,
  signal: AbortSignal,
): Session {
  const once = (request: ExecRequest) => localHost.script({ signal, ...request });
  return {
    target,
    once,
    fresh: once,
    read: (script, request) => once({ script, ...request }),
    close: () => {},
    dialled: () => [],
    hostKey: () => '',
  };
}
