// The progress of reading a fleet: a bar, and after a while the hosts that have not answered.
import type { Reading } from '../../app/observer.ts';
import { cutTo, duration, plural, uncoloured } from '../../screens/layout.ts';
import { bar } from '../../screens/live/bar.ts';
import type { World } from '../world.ts';

/** Milliseconds after which a host is slow. */
const slowAfter = 5000;
const drawEvery = 1000;
const barWidth = 20;

/** `[#####.......]  40 of 100 hosts read, 12s; no answer yet: h41, h42 and 58 more`. */
export function hostProgress(
  done: string,
  hosts: readonly string[],
  { clock, progress, width }: Pick<World, 'clock' | 'progress' | 'width'>,
): Reading {
  const waiting = new Set(hosts);
  const since = clock.now();
  const draw = (): void => {
    const taken = clock.now() - since;
    const answered = hosts.length - waiting.size;
    const late =
      taken < slowAfter || waiting.size === 0 ? '' : `; no answer yet: ${named(waiting)}`;
    const text = `[${bar({ done: answered, planned: waiting.size }, barWidth, uncoloured)}]  ${answered} of ${plural(hosts.length, 'host')} ${done}, ${duration(Math.floor(taken / 1000))}${late}`;
    progress(cutTo(text, width() - 1));
  };
  const ticker = setInterval(draw, drawEvery).unref();
  return {
    answered: (host) => {
      waiting.delete(host);
      draw();
    },
    end: () => {
      clearInterval(ticker);
      progress('');
    },
  };
}

/** Hosts are asked in their order, so the first of those that wait have waited longest. */
function named(waiting: ReadonlySet<string>): string {
  const names = [...waiting].slice(0, 3);
  const more = waiting.size - names.length;
  return `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
