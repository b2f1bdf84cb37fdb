// What a command asks the workers of a site, and what they answer: texts in the shared state, so
// nothing secret is in them.
import type { FactWant } from '../../model/fact.ts';
import type { Accepted } from '../../model/facts/values.ts';
import type { Failure } from '../../model/run/failure.ts';
import { accepted, failure, hostPlan, mapping, texts } from '../../model/shape/plan-shape.ts';
import {
  dataIn,
  flag,
  listOf,
  number,
  object,
  oneOf,
  record,
  type Shape,
  text,
} from '../../model/shape/shape.ts';
import type { FleetFlags } from '../session/flags.ts';
import type { Digests } from '../session/inputs.ts';
import { keptFlagsShape } from '../session/kept-flags.ts';

export interface SurveyQuestion {
  readonly kind: 'survey';
  readonly wants: readonly FactWant[];
  /** Also ask el7 kernels whether they would account an empty cgroup. */
  readonly active: boolean;
  /** Compare cgroup ids with those of earlier checks, and keep them. */
  readonly remembers: boolean;
}

/** What `doctor` wants to know of a host. */
export interface DoctorQuestion {
  readonly kind: 'doctor';
}

export interface PlanQuestion {
  readonly kind: 'plan';
  readonly playbook: string;
  /** Index of the play in its playbook. */
  readonly play: number;
  /** The command has a cluster, so the workers must have it too. */
  readonly cluster: boolean;
  readonly tags?: readonly string[];
  readonly skipTags?: readonly string[];
  readonly startAtTask?: string;
  readonly runReadOnly?: boolean;
  readonly takeover?: string;
  /** The run that is rolled back, and on which hosts. */
  readonly rollback?: { readonly run: string; readonly hosts: readonly string[] };
}

/** What is the same for all hosts of a command. */
export interface About {
  readonly question: SurveyQuestion | DoctorQuestion | PlanQuestion;
  /** Retries after a transport failure. */
  readonly retries: number;
  readonly flags: FleetFlags & { readonly extraVars: readonly string[] };
  /** Names of variables that are not sent, because they may be secret. */
  readonly withheld: readonly string[];
  /** Of the digests. Each command has its own. */
  readonly salt: string;
  readonly inputs: Digests;
}

export interface AskedHosts {
  readonly names: readonly string[];
  /** Digests of their variables. */
  readonly inputs: Digests;
  /** Hosts that count as no node, with the reason. */
  readonly disputed?: Readonly<Record<string, string>>;
  /** What a run accepted as left open, by host. */
  readonly accepted?: Readonly<Record<string, readonly Accepted[]>>;
}

export interface ReadingRequest {
  readonly about: About;
  readonly hosts: AskedHosts;
}

const surveyShape = object({
  wants: listOf(object({ area: text }, { args: mapping })),
  active: flag,
  remembers: flag,
});

const planShape = object(
  { playbook: text, play: number, cluster: flag },
  {
    tags: texts,
    skipTags: texts,
    startAtTask: text,
    runReadOnly: flag,
    takeover: text,
    rollback: object({ run: text, hosts: texts }),
  },
);

const questionShape: Shape = (data, place) =>
  object({ kind: oneOf('survey', 'doctor', 'plan') })(data, place) ??
  ofKind[(data as { readonly kind: keyof typeof ofKind }).kind](data, place);

const ofKind = { survey: surveyShape, doctor: object({}), plan: planShape };

const requestShape = object({
  about: object({
    question: questionShape,
    retries: number,
    flags: keptFlagsShape,
    withheld: texts,
    salt: text,
    inputs: record(text),
  }),
  hosts: object(
    { names: texts, inputs: record(text) },
    { disputed: record(text), accepted: record(accepted) },
  ),
});

/** The request of this text, or what is wrong with it. */
export function requestIn(json: string): ReadingRequest | string {
  const data = dataIn(json);
  return requestShape(data, '') ?? (data as ReadingRequest);
}

const outcomeOf =
  (value: Shape): Shape =>
  (data, place) =>
    object({ ok: flag })(data, place) ??
    ((data as { readonly ok: boolean }).ok ? object({ value }) : object({ failure }))(data, place);

/** Shapes of the answers about a host, by what was asked. */
export const rowShapes: Readonly<Record<About['question']['kind'], Shape>> = {
  survey: object(
    { host: text, outcome: outcomeOf(mapping) },
    {
      active: object(
        { kind: oneOf('answered', 'failed', 'not_asked') },
        { answer: oneOf('off', 'on'), why: text },
      ),
    },
  ),
  doctor: object({ host: text, text }, { failure, facts: mapping }),
  plan: object(
    { host: text, outcome: outcomeOf(hostPlan) },
    {
      seen: object({
        host: text,
        bootId: text,
        machineId: text,
        hostKey: text,
        fence: text,
        fenceOpen: flag,
        owner: text,
      }),
    },
  ),
};

/** `refused`: why the worker reads none of the hosts; `bootId` names its machine. */
export type ReadingAnswer =
  | { readonly rows: readonly { readonly host: string }[] }
  | { readonly refused: string; readonly bootId: string };

/** The answer of this text about hosts; what does not have its shape is a failure of each of them. */
export function answerIn(json: string, row: Shape): ReadingAnswer | Failure {
  const data = dataIn(json);
  const refusal = object({ refused: text, bootId: text });
  if (refusal(data, '') === undefined) return data as ReadingAnswer;
  const wrong = object({ rows: listOf(row) })(data, '');
  if (wrong === undefined) return data as ReadingAnswer;
  return { kind: 'parse', message: `the answer of the worker cannot be used: ${wrong}` };
}
