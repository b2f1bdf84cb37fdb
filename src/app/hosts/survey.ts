// Reads the facts of hosts: here, or at their sites.
import { type Survey, surveyFleet } from '../../engine/host/fleet.ts';
import { givenFacts, withPrelude } from '../../facts/index.ts';
import type { Facts } from '../../model/fact.ts';
import type { Accepted } from '../../model/facts/values.ts';
import type { Inventory, Target } from '../../model/host.ts';
import { present } from '../../model/present.ts';
import { activeProbeScript } from '../../modules/verify-kmem.ts';
import { askedElsewhere } from '../readings/ask.ts';
import type { AskedHosts, SurveyQuestion } from '../readings/request.ts';
import { declaredOf } from '../session/fleet.ts';
import type { Session } from '../session/session.ts';
import { idRecords } from './id-records.ts';

/** Hosts to read, and what is known of them. */
export interface Surveyed {
  readonly inventory: Inventory;
  readonly targets: readonly Target[];
  /** What a run accepted as left open, by host. */
  readonly accepted?: ReadonlyMap<string, readonly Accepted[]>;
}

export interface SurveyOptions {
  readonly retries: number;
  readonly signal: AbortSignal;
  readonly onHost: (survey: Survey) => void;
  /** What stays of a survey after that; absent = all of it. */
  readonly keep?: (survey: Survey) => Survey;
}

export async function surveyHosts(
  { inventory, targets, accepted = new Map() }: Surveyed,
  question: SurveyQuestion,
  { onHost, ...options }: SurveyOptions,
  session: Session,
): Promise<readonly Survey[]> {
  const { settings, world } = session;
  const names = targets.map(({ name }) => name);
  const declared = declaredOf(inventory, names, session);
  const remembered = question.remembers ? idRecords(session) : undefined;
  const known = async (host: string, facts: Facts): Promise<Facts> => ({
    ...givenFacts(declared.get(host), undefined, accepted.get(host)),
    ...(await remembered?.(host, facts)),
  });
  const more = (hosts: readonly string[]): Pick<AskedHosts, 'accepted'> => {
    const own = hosts.flatMap((host) => {
      const accepts = accepted.get(host) ?? [];
      return accepts.length === 0 ? [] : [[host, accepts] as const];
    });
    return own.length === 0 ? {} : { accepted: Object.fromEntries(own) };
  };
  const asking = { question, retries: options.retries, project: { inventory }, plays: [], more };
  const elsewhere = (await askedElsewhere<Survey>(asking, targets, session))?.();
  const ports = { transport: await session.ports.transport(), clock: world.clock };
  const active = { script: withPrelude(activeProbeScript), whyNot: whyNotAsked };
  const all = {
    ...options,
    forks: settings.forks,
    known,
    ...(question.active ? { active } : {}),
    ...present({ elsewhere }),
  };
  return surveyFleet(targets, question.wants, all, ports, onHost);
}

/**
 * Only on el7 kernels an empty cgroup shows whether accounting is on, and only root may make one.
 */
function whyNotAsked(facts: Facts): string | undefined {
  if (!/^3\.10\./.test(String(facts['kernel.release'] ?? ''))) return 'the kernel is not 3.10';
  if (facts['cgroup.memory'] !== 'v1') return 'no cgroup v1 memory controller';
  return facts['user.root'] === true ? undefined : 'it needs root';
}
