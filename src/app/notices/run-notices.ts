// The notices of a run under way, sent beside it; each that was taken is journalled.
import { createHash } from 'node:crypto';
import { noticeOf, type Outbox, type RunNotice } from '../../core/notices/outbox.ts';
import { textBy } from '../../core/notices/template.ts';
import type { RunState } from '../../core/run-state/state.ts';
import type { Notice, NoticeTarget } from '../../engine/ports/outside.ts';
import { present } from '../../model/present.ts';
import type { Event, EventOf, NoticeTargetKind } from '../../model/run/event.ts';
import { mostFailures, noticeText } from '../../screens/run/notice-text.ts';
import type { Session } from '../session/session.ts';
import { laneTo, runPauses } from './courier.ts';
import { targetsOf, wantedBy } from './targets.ts';

/** Milliseconds that the end of a run waits for its last notices, and after a signal. */
const lastWait = { usual: 5_000, stopped: 1_000 };

export interface RunNotices {
  readonly see: (event: Event, state: RunState, line: string) => void;
  /** Waits a bounded time. What was not taken is sent by a resume. */
  readonly close: () => Promise<void>;
}

export interface NoticeLog {
  readonly warn: (text: string) => void;
  readonly sent: (body: EventOf<'notice.sent'>) => Promise<unknown>;
}

/** With the first entry it sends what the run still owes. Undefined where it has no target. */
export async function openNotices(
  outbox: Outbox,
  log: NoticeLog,
  session: Session,
): Promise<RunNotices | undefined> {
  const { settings, world, observer } = session;
  const { kinds } = wantedBy(settings.flags);
  const targets = targetsOf(settings.flags, session);
  if (targets.length === 0) return undefined;
  const [{ hostname }, notifier] = await Promise.all([import('node:os'), world.notifier()]);
  const from = hostname();
  const seqOf = new Map<Notice, number>();
  const taken = async (notice: Notice, { kind }: NoticeTarget, refused?: string): Promise<void> => {
    const seq = seqOf.get(notice) ?? 0;
    // A journal that cannot be written ends the run elsewhere; then the notice is sent once more.
    await log
      .sent({ type: 'notice.sent', notice: seq, target: kind, ...present({ refused }) })
      .catch(() => {});
  };
  const lanes = new Map(
    targets.map(({ target, called }) => [
      target.kind,
      laneTo({
        target,
        called,
        taken,
        send: notifier.send,
        sleep: world.clock.sleep,
        pauses: runPauses,
        warn: log.warn,
      }),
    ]),
  );
  const put = (given: RunNotice, to: Iterable<NoticeTargetKind>): void => {
    const notice = world.secrets.mask(runNotice(given, from, settings.flags.notifyText));
    seqOf.set(notice, given.seq);
    for (const kind of to) lanes.get(kind)?.send(notice);
  };
  let [owed, run] = [outbox, ''];
  return {
    see: (event, state, line) => {
      for (const { notice, targets: to } of owed) put(notice, to);
      [owed, run] = [[], event.run];
      const notice = noticeOf(event, state);
      if (notice === undefined || !kinds.has(notice.kind)) return;
      put({ ...notice, head: createHash('sha256').update(line).digest('hex') }, lanes.keys());
    },
    close: async () => {
      const timer = new AbortController();
      const limit = world.clock.sleep(
        world.stop.aborted ? lastWait.stopped : lastWait.usual,
        AbortSignal.any([timer.signal, world.kill]),
      );
      const left = await Promise.all([...lanes.values()].map((lane) => lane.close(limit)));
      timer.abort();
      const unsent = left.reduce((sum, count) => sum + count, 0);
      lanes.clear();
      if (unsent > 0)
        observer.notice(
          `notices of run ${run} that were not sent: ${unsent}; a resume sends them`,
          'warning',
        );
    },
  };
}

/** As it is sent. */
export function runNotice(given: RunNotice, from: string, template?: string): Notice {
  const { seq, failures, hosts, ...known } = given;
  const notice: Notice = {
    schema: 'kmend.notice/1',
    ...known,
    key: `${given.run}/${seq}`,
    text: noticeText(given, from),
    from,
    ...(hosts.length === 0 ? {} : { hosts }),
    ...(failures === undefined || failures.length === 0
      ? {}
      : { failures: failures.slice(0, mostFailures) }),
  };
  return withTemplate(notice, template);
}

/** The notice with the text of the operator's template. */
export const withTemplate = (notice: Notice, template: string | undefined): Notice =>
  template === undefined
    ? notice
    : // A notice is plain data, as it goes into JSON.
      { ...notice, text: textBy(template, JSON.parse(JSON.stringify(notice))) };
