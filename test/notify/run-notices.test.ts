// The outbox of a run: what happened is sent to each target in order, at least once, whatever fails
// or dies in between; with the key of a notice a receiver has it exactly once.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openNotices } from '../../src/app/notices/run-notices.ts';
import { wantedBy } from '../../src/app/notices/targets.ts';
import type { Session } from '../../src/app/session/session.ts';
import { noticeKinds, noticeOf, type Outbox, withEntry } from '../../src/core/notices/outbox.ts';
import { emptyState } from '../../src/core/run-state/state.ts';
import { knownSecrets } from '../../src/engine/effects/mask.ts';
import type { Notice, NoticeTarget } from '../../src/engine/ports/outside.ts';
import type { Event, EventBody } from '../../src/model/run/event.ts';
import { failed, type Outcome, ok } from '../../src/model/run/failure.ts';
import { VirtualClock } from '../fakes/virtual-clock.ts';

const state = { ...emptyState, run: 'r', play: 'Fix' };
const flags = { notifyCommand: 'c', notifyMail: 'ops@example.org' };

type Answer = 'taken' | 'busy' | 'refused' | 'silent';

/** A journal and the receivers of a run, over several controllers. */
class Rehearsal {
  readonly clock = new VirtualClock();
  readonly stop = new AbortController();
  readonly kill = new AbortController();
  readonly journal: Event[] = [];
  readonly arrived: { readonly to: string; readonly notice: Notice }[] = [];
  readonly warnings: string[] = [];
  readonly #answers: () => Answer;
  readonly #flags: object;

  constructor(answers: () => Answer, more: object = {}) {
    this.#answers = answers;
    this.#flags = { ...flags, ...more };
  }

  readonly #write = (body: EventBody): Event => {
    const seq = this.journal.length + 1;
    const event = { ...body, v: 1, seq, at: seq, run: 'r', prev: `head ${seq - 1}` } as Event;
    this.journal.push(event);
    return event;
  };

  async #send(
    { kind }: NoticeTarget,
    notice: Notice,
    signal?: AbortSignal,
  ): Promise<Outcome<true>> {
    const answer = this.#answers();
    if (answer === 'silent') {
      await this.clock.sleep(20_000, signal);
      return failed('unreachable', 'no answer', { transport: true });
    }
    if (answer === 'busy') return failed('exit', 'it answered 503', { transport: true });
    this.arrived.push({ to: kind, notice });
    return answer === 'taken' ? ok(true) : failed('exit', 'it answered 403');
  }

  /** One controller. After `dies` notices were taken it journals nothing any more. */
  async work(bodies: readonly EventBody[], dies = Number.POSITIVE_INFINITY): Promise<void> {
    const wanted = wantedBy(this.#flags);
    const outbox = this.journal.reduce<Outbox>(
      (before, event) => withEntry(before, event, state, wanted),
      [],
    );
    let sent = 0;
    const session = {
      settings: { flags: this.#flags },
      world: {
        secrets: knownSecrets(),
        clock: this.clock,
        stop: this.stop.signal,
        kill: this.kill.signal,
        notifier: async () => ({ send: this.#send.bind(this) }),
      },
      observer: { notice: (text: string) => void this.warnings.push(text) },
    } as unknown as Session;
    const log = {
      warn: (text: string) => void this.warnings.push(text),
      sent: async (body: EventBody) => {
        if (++sent > dies) throw new Error('killed');
        this.#write(body);
      },
    };
    await this.clock.drive(
      (async () => {
        const notices = await openNotices(outbox, log, session);
        for (const body of bodies) {
          const event = this.#write(body);
          notices?.see(event, state, JSON.stringify(event));
          await this.clock.sleep(1_000);
        }
        await notices?.close();
      })(),
    );
  }

  keys(to: string): readonly string[] {
    return this.arrived.filter((one) => one.to === to).map(({ notice: { key } }) => key);
  }
}

const brake: EventBody = { type: 'brake.tripped', why: '2 of 2 failed', host: 'h1' };
const promotion: EventBody = { type: 'waiting', why: 'the canary is done', needs: 'promotion' };
const question: EventBody = { type: 'waiting', why: 'Go on?', needs: 'answer' };
const kept: EventBody = { type: 'run.paused', who: 'kmend', why: 'slots are kept', hosts: ['h1'] };
const paused: EventBody = { type: 'run.paused', who: 'ada', why: 'lunch' };
const plainWait: EventBody = { type: 'waiting', why: 'the window opens at 22:00' };
const finished: EventBody = { type: 'run.finished', exit: 5, why: '2 failed' };
const all = [brake, promotion, question, kept, paused, plainWait, finished];

const eager = (): Answer => 'taken';

describe('what people are notified of', () => {
  it('is a sentence, with a key, and who can do something about it', async () => {
    const run = new Rehearsal(eager, { notifyMail: undefined });
    await run.work(all);
    expect(
      run.arrived.map(({ notice: { key, kind, text } }) => [
        key,
        kind,
        text.replace(/on \S+:/, 'on HERE:').replace(/[0-9a-f]{64}/, 'HEAD'),
      ]),
    ).toEqual([
      ['r/1', 'brake', 'kmend run r (Fix) on HERE: BRAKE: 2 of 2 failed; kmend report r'],
      [
        'r/3',
        'canary',
        'kmend run r (Fix) on HERE: waits for an operator: the canary is done; kmend report r',
      ],
      ['r/5', 'waits', 'kmend run r (Fix) on HERE: waits for an operator: Go on?; kmend report r'],
      [
        'r/7',
        'waits',
        'kmend run r (Fix) on HERE: waits for an operator: slots are kept; kmend report r',
      ],
      ['r/9', 'paused', 'kmend run r (Fix) on HERE: paused by ada: lunch; kmend continue r'],
      [
        'r/12',
        'finished',
        'kmend run r (Fix) on HERE: 2 failed (exit 5); kmend report r; journal head HEAD',
      ],
    ]);
  });

  it('is of the kinds that --notify-on names', async () => {
    const run = new Rehearsal(eager, { notifyOn: ['brake', 'finished'] });
    await run.work(all);
    expect(run.arrived.map(({ to, notice }) => `${to} ${notice.kind}`)).toEqual([
      'command brake',
      'mail brake',
      'command finished',
      'mail finished',
    ]);
  });

  it('has the text of a template, or its own where the template gives none', async () => {
    const notifyText = '{{ kind }} {{ run }}{{ hosts[0] }}: {{ why }}';
    const run = new Rehearsal(eager, { notifyMail: undefined, notifyText });
    await run.work([brake, promotion]);
    const [first, second] = run.arrived.map(({ notice }) => notice.text);
    expect(first).toBe('brake rh1: 2 of 2 failed');
    expect(second).toMatch(/^kmend run r \(Fix\) on /);
  });
});

describe('delivery', () => {
  it('a target that does not answer holds up neither the run nor the other target', async () => {
    const run = new Rehearsal(() => 'silent');
    const before = run.clock.time;
    await run.work([brake, finished]);
    // Two entries a second apart, and the bounded wait at the end.
    expect(run.clock.time - before).toBe(7_000);
    expect(run.warnings).toEqual(['notices of run r that were not sent: 4; a resume sends them']);
  });

  it.each([
    ['stop', 1_000],
    ['kill', 0],
  ] as const)('after a signal (%s) the end waits for %i ms', async (signal, wait) => {
    const run = new Rehearsal(() => 'silent');
    const before = run.clock.time;
    run[signal].abort();
    await run.work([finished]);
    expect(run.clock.time - before).toBe(1_000 + wait);
  });

  it('what was not taken is sent by the next controller, before what is new', async () => {
    let answer: Answer = 'busy';
    const run = new Rehearsal(() => answer);
    await run.work([brake, promotion]);
    expect(run.arrived).toEqual([]);
    answer = 'taken';
    await run.work([{ type: 'run.resumed', who: 'ada', tool: '1' }, finished]);
    expect(run.keys('mail')).toEqual(['r/1', 'r/2', 'r/8']);
    expect(run.keys('command')).toEqual(['r/1', 'r/2', 'r/8']);
    await run.work([{ type: 'run.resumed', who: 'ada', tool: '1' }]);
    expect(run.arrived).toHaveLength(6);
  });

  it('what a target refuses is journalled, reported, and not sent again', async () => {
    const run = new Rehearsal(() => 'refused', { notifyMail: undefined });
    await run.work([brake]);
    expect(run.journal.at(-1)).toMatchObject({
      type: 'notice.sent',
      notice: 1,
      target: 'command',
      refused: 'it answered 403',
    });
    expect(run.warnings).toEqual(['the command was not notified: it answered 403']);
    await run.work([plainWait]);
    expect(run.arrived).toHaveLength(1);
  });

  it('killed between a notice and its entry: it is sent once more, with the same key and text', async () => {
    const run = new Rehearsal(eager, { notifyMail: undefined });
    await run.work([brake], 0);
    await run.work([{ type: 'run.resumed', who: 'ada', tool: '1' }]);
    const [first, again] = run.arrived.map(({ notice }) => notice);
    expect(run.keys('command')).toEqual(['r/1', 'r/1']);
    expect({ ...again, head: '' }).toEqual({ ...first, head: '' });
  });

  it('a target that is served later is sent the same head, whatever was journalled in between', async () => {
    const run = new Rehearsal(eager);
    await run.work([brake], 1);
    await run.work([{ type: 'run.resumed', who: 'ada', tool: '1' }]);
    const late = run.arrived.filter(({ to }) => to === 'mail').map(({ notice }) => notice);
    expect(late.map(({ key }) => key)).toEqual(['r/1', 'r/1']);
    expect(late[1]?.head).toBe('head 1');
  });

  it('each wanted notice arrives at least once and in order; by its key exactly once', async () => {
    const controller = fc.record({
      bodies: fc.array(fc.constantFrom(...all), { maxLength: 6 }),
      dies: fc.nat(4),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(controller, { minLength: 1, maxLength: 4 }),
        fc.infiniteStream(
          fc.constantFrom<Answer>('taken', 'taken', 'taken', 'busy', 'refused', 'silent'),
        ),
        async (controllers, answers) => {
          let last = false;
          const run = new Rehearsal(() => (last ? 'taken' : answers.next().value));
          for (const { bodies, dies } of controllers) await run.work(bodies, dies);
          last = true;
          await run.work([{ type: 'run.resumed', who: 'ada', tool: '1' }]);
          const wanted = run.journal.flatMap((event) =>
            noticeOf(event, state) === undefined ? [] : [`r/${event.seq}`],
          );
          for (const to of ['command', 'mail']) expect([...new Set(run.keys(to))]).toEqual(wanted);
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('flags', () => {
  it.each([[['brak']], [['all']]])('%j is no kind', (notifyOn) => {
    expect(() => wantedBy({ notifyOn })).toThrow(noticeKinds.join(', '));
  });
});
