// The head of the live view: how far the run is, when it ends, and why it waits.
import type { RunHead, RunPhase, RunView } from '../../core/view/model.ts';
import {
  clockTime,
  cutTo,
  duration,
  fold,
  type Paint,
  plural,
  timeAt,
  timeRange,
  widthOf,
} from '../layout.ts';
import { bar, totalOf } from './bar.ts';
import { lineOf, type Screen } from './block.ts';

const grouped = (count: number): string => count.toLocaleString('en');
const seconds = (from: number, to: number): string =>
  duration(Math.max(0, Math.round((to - from) / 1000)));

const hostsText = ({ counts }: RunHead): string =>
  `${grouped(counts.done)} of ${grouped(totalOf(counts))}`;

/** The times go below a bar that they would make too short. */
const shortest = 30;
const isWide = (head: RunHead, screen: Screen): boolean =>
  screen.columns - widthOf(`${hostsText(head)}   ${timeText(head, screen)}`) - 4 >= shortest;

/** `[####>>x..]  4 of 8   6m so far, ends 10:38-10:46 CET`. */
export function barLine({ head }: RunView, screen: Screen): readonly string[] {
  const { columns, paint } = screen;
  const time = isWide(head, screen) ? `   ${timeText(head, screen)}` : '';
  const text = hostsText(head) + time;
  const room = columns - widthOf(text) - 4;
  return room < 5
    ? [cutTo(text, columns)]
    : [`[${bar(head.counts, room, paint)}]  ${paint.bold(text)}`];
}

function timeText(
  { startedAt, lastAt, exit, forecast }: RunHead,
  { now, timeZone }: Screen,
): string {
  if (exit !== undefined) return `took ${seconds(startedAt, lastAt)}`;
  const soFar = `${seconds(startedAt, now)} so far`;
  if (forecast === undefined) return soFar;
  return forecast.blocked === undefined
    ? `${soFar}, ends ${timeRange(forecast.from, forecast.to, now, timeZone)}`
    : `${soFar}, end unknown`;
}

/** Wave, hosts by status, slots, brake and gates. */
export function statusLines({ head }: RunView, screen: Screen): readonly string[] {
  const { columns, now, paint } = screen;
  const { wave, slots, brake, gates, forecast } = head;
  const items = [
    isWide(head, screen) ? '' : timeText(head, screen),
    wave === undefined ? '' : wave.canary ? 'canary' : `wave ${wave.number} of ${wave.of}`,
    countsText(head, paint),
    slots.of === 0
      ? ''
      : `slots ${slots.held} of ${slots.of}${slots.kept === 0 ? '' : paint.yellow(` (${slots.kept} kept by failed hosts)`)}`,
    brake.tripped === undefined
      ? `${plural(brake.failures, 'failure')}, ${brake.allowed} allowed`
      : paint.red(`brake on, ${plural(brake.failures, 'failure')}`),
    ...gates.map(({ name, open, since }) => {
      const lasting = since === undefined ? '' : ` ${seconds(since, now)}`;
      return open ? `gate ${name} open${lasting}` : paint.yellow(`gate ${name} closed${lasting}`);
    }),
    forecast?.blocked === undefined ? '' : `end unknown: ${forecast.blocked}`,
  ];
  return flow(
    items.filter((item) => item !== ''),
    columns,
  ).slice(0, 4);
}

function countsText({ counts }: RunHead, paint: Paint): string {
  const words = [
    [counts.running, 'running', paint.cyan],
    [counts.soaking, 'soaking', paint.cyan],
    [counts.done, 'done', paint.green],
    [counts.failed, 'failed', paint.red],
    [counts.refused, 'refused', paint.yellow],
    [counts.left_out, 'left out', paint.yellow],
    [counts.waiting + counts.planned, 'to go', String],
  ] as const;
  return words
    .filter(([count]) => count > 0)
    .map(([count, word, colour]) => colour(`${grouped(count)} ${word}`))
    .join(', ');
}

/** Items side by side, as many as fit in a line. */
function flow(items: readonly string[], columns: number): readonly string[] {
  const lines: string[] = [];
  for (const item of items) {
    const joined = `${lines.at(-1)} | ${item}`;
    if (lines.length > 0 && widthOf(joined) <= columns) lines[lines.length - 1] = joined;
    else lines.push(cutTo(item, columns));
  }
  return lines;
}

const banners: Readonly<
  Partial<Record<RunPhase, readonly [word: string, colour: 'red' | 'yellow' | 'green']>>
> = {
  brake: ['BRAKE', 'red'],
  paused: ['paused', 'yellow'],
  stopping: ['stopping, hosts under way go to a safe state', 'yellow'],
  interrupted: ['interrupted', 'yellow'],
  stopped: ['stopped', 'yellow'],
  failed: ['failed', 'red'],
  done: ['done', 'green'],
};

/** What holds the whole run up, or how it ended. */
export function bannerLines({ head }: RunView, { columns, paint }: Screen): readonly string[] {
  const [word = '', colour = 'yellow'] = banners[head.phase] ?? [];
  // A pause has a need of its own, with the command that ends it.
  if (word === '' || head.needs.some(({ kind }) => kind === 'continue')) return [];
  const text = head.why === undefined ? word : `${word}: ${head.why}`;
  return foldTo(text, columns, 3).map(paint[colour]);
}

/** These have a banner, a need or a line of their own. */
const shownElsewhere = new Set(['aborted', 'brake', 'cluster', 'paused', 'running']);

/** These are how a rollout goes: nobody has to worry. */
const ordinary = new Set(['budget', 'soak', 'wave', 'zone']);

export const awayText = ({ since, why }: NonNullable<RunHead['away']>, timeZone?: string): string =>
  `cluster away since ${clockTime(since, timeZone)}: ${why}`;

export const databaseAwayText = (since: number, timeZone?: string): string =>
  `database away since ${clockTime(since, timeZone)}: no host is started or failed by that`;

/** The cluster or the database that does not answer, and the reasons of the decision, with the end of each. */
export function waitLines({ head }: RunView, screen: Screen): readonly string[] {
  const { columns, now, paint, timeZone } = screen;
  const { away, databaseAway } = head;
  const awayLines = [
    ...(away === undefined ? [] : [awayText(away, timeZone)]),
    ...(databaseAway === undefined ? [] : [databaseAwayText(databaseAway, timeZone)]),
  ].flatMap((text) => foldTo(text, columns, 2).map((line) => paint.yellow(line)));
  const promotes = head.needs.some(({ kind }) => kind === 'promote');
  const waits = head.waits
    .filter(({ rule }) => !shownElsewhere.has(rule) && !(promotes && rule === 'canary'))
    .slice(0, 3)
    .flatMap(({ rule, text, until }) => {
      const end = until === undefined ? '' : ` (until ${timeAt(until, now, timeZone)})`;
      return foldTo(`waits: ${text}${end}`, columns, 2).map(
        ordinary.has(rule) ? String : paint.yellow,
      );
    });
  return [...awayLines, ...waits];
}

/** Text in at most `most` lines. */
export function foldTo(text: string, columns: number, most: number): readonly string[] {
  const lines = fold(text.replace(/\s+/g, ' '), columns - 2, 2);
  const shown =
    lines.length > most ? [...lines.slice(0, most - 1), lines.slice(most - 1).join(' ')] : lines;
  return shown.map((line, index) => lineOf(index === 0 ? line : `  ${line}`, columns));
}

/** How a run ended: green only where it did all that it should. */
export function endMark({ head }: Pick<RunView, 'head'>, paint: Paint): string {
  switch (head.phase) {
    case 'done':
      return paint.green('✔');
    case 'failed':
      return paint.red('✖');
    default:
      return paint.yellow('■');
  }
}
