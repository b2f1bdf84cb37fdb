// The newest entries of the journal, as lines.
import type { Line } from '../../src/core/view/model.ts';
import { clockTime, count, day10, time } from '../text.ts';
import { Section, Time } from './section.tsx';

const marks: Readonly<Record<Line['level'], string>> = {
  info: '',
  good: '✓',
  warning: '!',
  error: '✕',
};

/** Lines of a terminal begin with their host. */
const withoutHost = ({ host, text }: Line): string =>
  host !== undefined && text.startsWith(`${host} `) ? text.slice(host.length + 1) : text;

export function Events({ lines }: { readonly lines: readonly Line[] }) {
  const newest = lines.toReversed();
  const [first] = newest;
  if (first === undefined) return null;
  const zone = time(first.at, first.at).split(' ').slice(1).join(' ');
  return (
    <Section
      id="events"
      title="Events"
      aside={
        <span class="quiet">
          the newest {count(lines.length)}, times in {zone}
        </span>
      }
    >
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys */}
      <div class="scroll" tabIndex={0}>
        <ol class="events" reversed>
          {newest.map((line, index) => (
            <li key={line.seq} class={`v-${line.level}`}>
              <Time at={line.at}>
                {day10(line.at) === day10(newest[index - 1]?.at ?? Date.now())
                  ? clockTime(line.at)
                  : `${day10(line.at)} ${clockTime(line.at)}`}
              </Time>
              <span class="sign" aria-hidden="true">
                {marks[line.level]}
              </span>
              <span>
                {line.host !== undefined && <b class="host">{line.host} </b>}
                {withoutHost(line)}
              </span>
            </li>
          ))}
        </ol>
      </div>
    </Section>
  );
}
