// The progress of reading a fleet: on a terminal the hosts that have answered, and below them a bar
// and, after a while, the hosts that have not.
import type { Answer, Reading } from '../../app/observer.ts';
import { answerLines } from '../../screens/hosts/answer-lines.ts';
import { cutTo, duration, plural, uncoloured } from '../../screens/layout.ts';
import { bar } from '../../screens/live/bar.ts';
import type { World } from '../world.ts';

/** Milliseconds after which a host is slow. */
const slowAfter = 5000;
const drawEvery = 1000;
const barWidth = 20;
/** Rows of a terminal that answers leave free: for the bar, and for the cursor of a shell. */
const spareRows = 3;

/**
 * `[#####.......]  40 of 100 hosts read, 12s; no answer yet: h41, h42 and 58 more`.
 * @param isText answers are shown, too: the command prints no JSON
 */
export function hostProgress(
  done: string,
  hosts: readonly string[],
  world: Pick<
    World,
    'clock' | 'endProgress' | 'height' | 'isTerminal' | 'out' | 'progress' | 'width'
  >,
  isText: boolean,
): Reading {
  const { clock } = world;
  const waiting = new Set(hosts);
  const answers = new Map<string, Answer>();
  const since = clock.now();
  const lines = (): readonly string[] => {
    const taken = clock.now() - since;
    const answered = hosts.length - waiting.size;
    const late =
      taken < slowAfter || waiting.size === 0 ? '' : `; no answer yet: ${named(waiting)}`;
    const text = `[${bar({ done: answered, planned: waiting.size }, barWidth, uncoloured)}]  ${answered} of ${plural(hosts.length, 'host')} ${done}, ${duration(Math.floor(taken / 1000))}${late}`;
    const room = isText && world.isTerminal ? Math.max(0, world.height() - spareRows) : 0;
    const newest = room === 0 ? [] : [...answers.values()].slice(-room);
    const width = world.width() - 1;
    return [...answerLines(newest, width), cutTo(text, width)];
  };
  const draw = (): void => world.progress(lines);
  const ticker = setInterval(draw, drawEvery).unref();
  const end = (): void => {
    clearInterval(ticker);
    world.endProgress();
  };
  return {
    answered: (answer) => {
      waiting.delete(answer.host);
      answers.set(answer.host, answer);
      draw();
    },
    end,
    stopped: () => {
      end();
      if (!isText) return;
      const read = hosts.flatMap((host) => answers.get(host) ?? []);
      for (const line of answerLines(read, Number.POSITIVE_INFINITY)) world.out(line);
      world.out(`${read.length} of ${plural(hosts.length, 'host')} ${done}`);
    },
  };
}

/** Hosts are asked in their order, so the first of those that wait have waited longest. */
function named(waiting: ReadonlySet<string>): string {
  const names = [...waiting].slice(0, 3);
  const more = waiting.size - names.length;
  return `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
