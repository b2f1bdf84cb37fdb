// The head of a run: how far it is, when it ends, and why it waits.
import type { ComponentChildren } from 'preact';
import type { RowStatus, RunHead, RunPhase } from '../../src/core/view/model.ts';
import { plural } from '../../src/model/text/plural.ts';
import { phaseWords, statuses, statusWords } from '../../src/screens/html/words.ts';
import { count, lasting, range, time } from '../text.ts';
import { Time } from './section.tsx';

export interface HeadInput {
  readonly head: RunHead;
  /** Present time; in a report that of the last entry. */
  readonly now: number;
  readonly choose: (status: RowStatus) => void;
  readonly children?: ComponentChildren;
}

const ended: readonly RunPhase[] = ['done', 'failed', 'stopped'];
export const isOver = ({ phase }: RunHead): boolean => ended.includes(phase);

export function Head({ head, now, choose, children }: HeadInput) {
  const { word, mark } = phaseWords[head.phase];
  return (
    <header>
      <div class="heading">
        <h1>{head.play}</h1>
        <p class={`phase p-${head.phase}`}>
          <span aria-hidden="true">{mark}</span> {word}
          {head.exit !== undefined && <span class="exit">exit {head.exit}</span>}
        </p>
      </div>
      <p class="quiet about">
        <span>
          run <code>{head.run}</code>
        </span>
        <span>{head.playbook}</span>
        <span>
          by {head.by}
          {head.attended ? '' : ', unattended'}
        </span>
        <span>
          started <Time at={head.startedAt}>{time(head.startedAt)}</Time>
        </span>
        <span>kmend {head.tool}</span>
      </p>
      <Progress head={head} />
      <Counts head={head} choose={choose} />
      <Figures head={head} now={now} />
      <Reasons head={head} now={now} />
      {children}
    </header>
  );
}

const total = ({ counts }: RunHead): number =>
  statuses.reduce((sum, status) => sum + counts[status], 0);

function Progress({ head }: { readonly head: RunHead }) {
  const shown = statuses.filter((status) => head.counts[status] > 0);
  const words = shown.map((status) => `${head.counts[status]} ${statusWords[status].word}`);
  return (
    <div class="progress" role="img" aria-label={`Of ${total(head)} hosts: ${words.join(', ')}`}>
      {shown.map((status) => (
        <span key={status} class={`s-${status}`} style={{ flexGrow: head.counts[status] }} />
      ))}
    </div>
  );
}

interface CountsInput {
  readonly head: RunHead;
  readonly choose: (status: RowStatus) => void;
}

const Counts = ({ head, choose }: CountsInput) => (
  <ul class="counts">
    {statuses
      .filter((status) => head.counts[status] > 0)
      .map((status) => (
        <li key={status}>
          <button type="button" onClick={() => choose(status)} title="Show these hosts">
            <span class={`swatch s-${status}`} aria-hidden="true">
              {statusWords[status].mark}
            </span>
            <b>{count(head.counts[status])}</b> {statusWords[status].word}
          </button>
        </li>
      ))}
  </ul>
);

interface FigureInput {
  readonly name: string;
  readonly value: ComponentChildren;
  readonly note?: ComponentChildren;
  readonly tone?: 'bad';
}

const Figure = ({ name, value, note, tone }: FigureInput) => (
  <div class={tone}>
    <dt>{name}</dt>
    <dd>
      <b>{value}</b>
      {note !== undefined && <span class="quiet">{note}</span>}
    </dd>
  </div>
);

interface AtInput {
  readonly head: RunHead;
  readonly now: number;
}

function Figures({ head, now }: AtInput) {
  const { counts, wave, slots, brake } = head;
  const wanted = total(head) - counts.same - counts.left_out - counts.refused;
  const part = wanted === 0 ? 100 : Math.floor((100 * counts.done) / wanted);
  const over = isOver(head);
  return (
    <dl class="figures">
      <Figure name="Done" value={`${part} %`} note={`${count(counts.done)} of ${count(wanted)}`} />
      <Figure name={over ? 'Took' : 'So far'} value={lasting(now - head.startedAt)} />
      {over ? (
        <Figure name="Ended" value={time(head.lastAt, head.startedAt)} />
      ) : (
        <Ends head={head} now={now} />
      )}
      {wave !== undefined && (
        <Figure
          name="Wave"
          value={wave.canary ? 'canary' : `${wave.number} of ${wave.of}`}
          {...(wave.canary ? { note: `before ${plural(wave.of, 'wave')}` } : {})}
        />
      )}
      {!over && (
        <Figure
          name="Slots"
          value={`${slots.held} of ${slots.of}`}
          {...(slots.kept > 0 ? { note: `${slots.kept} kept by failed hosts` } : {})}
        />
      )}
      <Figure
        name="Brake"
        value={brake.tripped === undefined ? 'not tripped' : 'tripped'}
        note={`${count(brake.failures)} failed, ${count(brake.allowed)} allowed`}
        {...(brake.tripped === undefined ? {} : { tone: 'bad' })}
      />
    </dl>
  );
}

function Ends({ head: { forecast }, now }: AtInput) {
  if (forecast === undefined) return null;
  return forecast.blocked === undefined ? (
    <Figure
      name="Ends"
      value={range(forecast.from, forecast.to, now)}
      note={`in ${lasting(forecast.from - now)} to ${lasting(forecast.to - now)}`}
    />
  ) : (
    <Figure name="Ends" value="open" note={forecast.blocked} />
  );
}

/** Why it stands as it does: the brake, gates, and what the next start waits for. */
function Reasons({ head, now }: AtInput) {
  const { why, brake, waits, gates, databaseAway } = head;
  // A closed gate and a tripped brake have lines of their own.
  const newWaits = waits.filter(
    ({ rule, text }) => !(rule === 'gate' && gates.length > 0) && why?.includes(text) !== true,
  );
  const lines = [
    ...(databaseAway === undefined
      ? []
      : [{ key: 'database', name: 'Database', text: `away since ${time(databaseAway, now)}` }]),
    ...(why === undefined || newWaits.some(({ text }) => text.includes(why))
      ? []
      : [{ key: 'why', name: '', text: why }]),
    ...(brake.tripped === undefined || why?.includes(brake.tripped.why) === true
      ? []
      : [{ key: 'brake', name: 'Brake', text: brake.tripped.why }]),
    ...newWaits.map(({ rule, text, until }) => ({
      key: `${rule} ${text}`,
      name: 'Waits',
      text: until === undefined ? text : `${text} (until ${time(until, now)})`,
    })),
    ...gates.map(({ name, open, read, since }) => ({
      key: `gate ${name}`,
      name: `Gate ${name}`,
      text: `${open ? 'open' : 'closed'}${since === undefined ? '' : ` since ${time(since, now)}`}: ${read}`,
    })),
  ];
  return lines.length === 0 ? null : (
    <ul class="why">
      {lines.map(({ key, name, text }) => (
        <li key={key}>
          {name !== '' && <span class="quiet">{name}</span>} {text}
        </li>
      ))}
    </ul>
  );
}
