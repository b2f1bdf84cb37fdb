// The progress of reading a fleet, with the hosts that have not answered.

import { plural } from '../../model/text/plural.ts';
import type { World } from '../world.ts';

const mostNamed = 3;

/** `read 40 of 100 hosts; no answer yet: h41, h42, ...`. Called with each host that answers. */
export function hostProgress(
  done: string,
  hosts: readonly string[],
  world: Pick<World, 'progress'>,
): (host: string) => void {
  const waiting = new Set(hosts);
  return (host) => {
    waiting.delete(host);
    world.progress(
      `${done} ${hosts.length - waiting.size} of ${plural(hosts.length, 'host')}${missing(waiting)}`,
    );
  };
}

function missing(waiting: ReadonlySet<string>): string {
  if (waiting.size === 0) return '';
  const names: string[] = [];
  for (const name of waiting) {
    if (names.length === mostNamed) return `; no answer yet: ${names.join(', ')}, ...`;
    names.push(name);
  }
  return `; no answer yet: ${names.join(', ')}`;
}
