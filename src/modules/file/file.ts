// Module file: a directory, a link, the rights of a file, or nothing at a path.
import { withPrelude } from '../../facts/probe/prelude.ts';
import { type FactView, type FactWant, fact, need } from '../../model/fact.ts';
import type { FileState } from '../../model/facts/values.ts';
import { backupFolder } from '../../model/host-file.ts';
import { present } from '../../model/present.ts';
import type { ModulePlan, PlanContext, Refusal } from '../../model/run/change.ts';
import type { RunEffect } from '../../model/run/effect.ts';
import { asArgs, flag, type Infer, object, oneOf, text } from '../../model/shape/schema.ts';
import { quote } from '../../model/text/quote.ts';
import { scriptText } from '../../model/text/script-text.ts';
import { defineModule } from '../define.ts';
import attributes from './attributes.sh';
import linkScript from './link.sh';
import makeDirectory from './make-directory.sh';
import { modeOf } from './mode.ts';
import {
  attributeShape,
  hostPath,
  missing,
  ownerAfter,
  ownerWanted,
  pathRisk,
  placeRefusal,
  placeWarnings,
  stateOf,
  stateText,
} from './place.ts';
import removePath from './remove-path.sh';
import { attributeEffect, planText } from './write.ts';

const args = object({
  path: hostPath.describe('The place.'),
  state: oneOf('file', 'directory', 'link', 'touch', 'absent')
    .optional()
    .describe(
      '`directory`: it is made, with those above it. `link`: a symbolic link to `src`. `touch`: an empty file where nothing is, else its times become now. `absent`: removed, a directory with all that is in it. `file`, or no state: what is there gets the given rights.',
    ),
  src: text
    .regex(/^[^\0\r\n]+$/, 'should be a path')
    .optional()
    .describe('What a link leads to; a relative path begins at the link.'),
  force: flag
    .default(false)
    .describe(
      'Make a link to something that is not there, and in place of a file or an empty directory.',
    ),
  modification_time: oneOf('now', 'preserve')
    .optional()
    .describe('For `touch`: `preserve` leaves that time of what is there. Default: `now`.'),
  access_time: oneOf('now', 'preserve').optional().describe('The same for the time of access.'),
  ...attributeShape,
})
  .refine(
    (given) =>
      given.state === 'touch' || (given.modification_time !== 'now' && given.access_time !== 'now'),
    'sets times by `state: touch` only',
  )
  .refine((given) => (given.src !== undefined) === (given.state === 'link'), {
    message: 'needs `src` for `state: link`, and only there',
  })
  .refine(
    (given) =>
      given.state !== 'link' ||
      [given.mode, given.owner, given.group].every((one) => one === undefined),
    'sets no `mode`, `owner` or `group` of a link: set them on its target',
  );
type Args = Infer<typeof args>;

const plainPath = ({ path }: Args): string => `/${path.split('/').filter(Boolean).join('/')}`;

/** What a link leads to, as a path of the host. */
const leadsTo = (given: Args): string =>
  given.src?.startsWith('/') === true
    ? given.src
    : `${plainPath(given).slice(0, plainPath(given).lastIndexOf('/') + 1)}${given.src ?? ''}`;

const wants = (given: Args): readonly FactWant[] => [
  { area: 'file', args: { path: plainPath(given) } },
  ...(given.state === 'link' ? [{ area: 'path', args: { path: leadsTo(given) } }] : []),
];

function plan(given: Args, facts: FactView, context: PlanContext): ModulePlan {
  const path = plainPath(given);
  const state = stateOf(facts, path);
  switch (given.state) {
    case 'absent':
      return planAbsent(path, state, context);
    case 'touch':
      return planTouch(given, path, state, context);
    case 'link':
      return planLink(given, path, state, facts, context);
    case 'directory':
      // A link to nothing becomes one to a directory, where it can be resolved.
      return state.kind === 'absent' && (state.link === '' || state.real !== path)
        ? planDirectory(given, path, state, context)
        : planRights(given, path, state, 'directory', context);
    case undefined:
      if (state.kind === 'absent' && state.link !== '')
        return { changes: [], note: `${path} is a link to nothing, which has no rights` };
      return planRights(given, path, state, undefined, context);
    default:
      return planRights(given, path, state, given.state, context);
  }
}

/** Owner and mode of what is there. */
function planRights(
  given: Args,
  path: string,
  state: FileState,
  kind: 'file' | 'directory' | undefined,
  context: PlanContext,
): ModulePlan {
  if (state.kind === 'absent' || (kind !== undefined && kind !== state.kind))
    return missing(
      `file.${path}.state`,
      state.kind === 'absent' ? `${path} is not there` : `${path} is a ${state.kind}, no ${kind}`,
      context,
    );
  const owner = ownerWanted(given, state);
  const mode =
    given.mode === undefined
      ? undefined
      : modeOf(given.mode, state.mode, state.kind === 'directory');
  const isMode = mode === undefined || mode === state.mode;
  if (owner === undefined && isMode) return { changes: [], result: { path } };
  const after = { ...state, ...ownerAfter(given, state, context.here), mode: mode ?? state.mode };
  return changed(path, state, after, [
    attributeEffect(state.real, {
      owner,
      mode: isMode && owner === undefined ? undefined : (mode ?? state.mode),
    }),
  ]);
}

/** Which times become now, as words and as options of touch(1). */
function timesNow({ modification_time, access_time }: Args) {
  const [isModified, isAccessed] = [modification_time !== 'preserve', access_time !== 'preserve'];
  if (isModified && isAccessed) return { words: 'modification and access', options: '-a -m' };
  if (isModified) return { words: 'modification', options: '-m' };
  return isAccessed ? { words: 'access', options: '-a' } : undefined;
}

/** With a time that becomes now, each run changes what is there. */
function planTouch(given: Args, path: string, state: FileState, context: PlanContext): ModulePlan {
  if (state.kind === 'absent') {
    if (state.link !== '' || !state.parent)
      return missing(
        `file.${path}.state`,
        state.link === ''
          ? `the directory of ${path} is not there`
          : `${path} is a link to nothing`,
        context,
      );
    return planText({ path, state, text: '' }, '', {
      args: given,
      follow: true,
      here: context.here,
    });
  }
  const rights = planRights(given, path, state, undefined, context);
  const times = timesNow(given);
  if (times === undefined || rights.unmet !== undefined || rights.refuse !== undefined)
    return rights;
  const refuse = placeRefusal(state.real);
  if (refuse !== undefined) return { changes: [], refuse };
  const values = { path: state.real, owner: '', mode: '', times: times.options };
  const what = `set the time of ${times.words} of ${state.real}`;
  return {
    ...rights,
    changes: [
      ...rights.changes,
      {
        sign: '!',
        what: `times of ${state.real}`,
        after: `now (${times.words})`,
        risk: 'write',
        effects: [run(what, attributes, values)],
      },
    ],
    note: `each run sets times of ${state.real}: with \`preserve\` for both, only a new file is a change`,
  };
}

function planDirectory(
  given: Args,
  path: string,
  state: FileState,
  { here }: PlanContext,
): ModulePlan {
  const mode = modeOf(given.mode ?? '0755', '0755', true);
  const after: FileState = {
    ...state,
    ...ownerAfter(given, state, here),
    kind: 'directory',
    mode,
    parent: true,
  };
  const owner = ownerWanted(given, undefined) ?? '';
  return changed(path, state, after, [
    run(`make the directory ${state.real}`, makeDirectory, { path: state.real, mode, owner }),
  ]);
}

function planLink(
  given: Args,
  path: string,
  state: FileState,
  facts: FactView,
  context: PlanContext,
): ModulePlan {
  const { src = '', force } = given;
  const isThere = need(facts, `path.${leadsTo(given)}.exists`);
  if (leadsTo(given) === path)
    return { changes: [], refuse: { why: `${path} would be a link to itself` } };
  if (!force && !isThere)
    return missing(`path.${leadsTo(given)}.exists`, `${leadsTo(given)} is not there`, context);
  if (state.link === src) return { changes: [], result: { path } };
  if (state.link === '' && state.kind !== 'absent' && !(force && isReplaceable(state)))
    return missing(
      `file.${path}.state`,
      `${path} is a ${state.filled ? 'directory with something in it' : state.kind}: it is not replaced by a link`,
      context,
    );
  if (!state.parent)
    return missing(`file.${path}.state`, `the directory of ${path} is not there`, context);
  const after: FileState = { ...state, link: src };
  const was = state.link === '' ? state.kind : 'link';
  const values = { path, src, was, backup: backupOf(path, state, context) };
  return changed(path, state, after, [run(`make the link ${path}`, linkScript, values)]);
}

/** By a forced link. What is in a directory is never lost. */
const isReplaceable = ({ kind, filled }: FileState): boolean =>
  kind === 'file' || (kind === 'directory' && !filled);

/** The system does not live without these directories. */
const isSystem = (path: string): boolean =>
  /^\/$|^\/(?:bin|boot|dev|etc|home|lib\d*|media|mnt|opt|proc|root|run|sbin|srv|sys|tmp)$|^\/(?:usr|var)(?:\/[^/]+)?$/.test(
    path,
  );

function planAbsent(path: string, state: FileState, context: PlanContext): ModulePlan {
  const isLink = state.link !== '';
  if (state.kind === 'absent' && !isLink) return { changes: [], result: { path } };
  const isDirectory = !isLink && state.kind === 'directory';
  if (isDirectory && isSystem(path))
    return {
      changes: [],
      refuse: {
        why: `${path} is a directory of the system`,
        hint: 'name what is to be removed in it',
      },
    };
  const after: FileState = { ...state, kind: 'absent', link: '', sha256: '', mode: '' };
  const planned = changed(path, state, after, [
    run(`remove ${path}`, removePath, { path, backup: backupOf(path, state, context) }),
  ]);
  return isDirectory && state.filled && planned.refuse === undefined
    ? {
        ...planned,
        warnings: [
          ...(planned.warnings ?? []),
          `${path} is removed with all that is in it: a rollback does not restore it`,
        ],
      }
    : planned;
}

/** Where the content of a file is kept; empty for what is none. */
const backupOf = (path: string, state: FileState, { here }: PlanContext): string =>
  here === undefined &&
  state.link === '' &&
  state.kind === 'file' &&
  state.sha256 !== '' &&
  path !== ''
    ? state.sha256
    : '';

function changed(
  path: string,
  before: FileState,
  after: FileState,
  effects: readonly RunEffect[],
): ModulePlan {
  const isOfLink = before.link !== after.link || after.kind === 'absent';
  const place = isOfLink ? path : before.real;
  const refuse: Refusal | undefined = placeRefusal(place);
  if (refuse !== undefined) return { changes: [], refuse };
  const [was, will] = [stateText(before, isOfLink), stateText(after, isOfLink)];
  return {
    changes: [
      {
        sign: was === undefined ? '+' : will === undefined ? '-' : '~',
        what: `file ${place}`,
        ...present({ before: was, after: will }),
        risk: pathRisk(place),
        effects,
      },
    ],
    promises: fact(`file.${path}.state`, after),
    ...placeWarnings(place),
    result: { path },
  };
}

const run = (
  what: string,
  script: string,
  values: Readonly<Record<string, string>>,
): RunEffect => ({
  kind: 'run',
  what,
  script: withPrelude(
    scriptText(script, {
      ...Object.fromEntries(Object.entries(values).map(([key, value]) => [key, quote(value)])),
      backupFolder: quote(backupFolder),
    }),
  ),
  detached: false,
  timeout: 300,
  errors: {
    70: `could not ${what}: the last lines say why`,
    71: 'it was changed since kmend read it, and is left as it is',
  },
});

export const file = defineModule<Args>({
  name: 'file',
  summary: 'Makes a directory or a link, sets owner and mode, or removes what is at a path.',
  example: `- name: A place for images
  file:
    path: /srv/images
    state: directory
    mode: "0750"
`,
  notes: `As Ansible's module; see "Files" at the module \`copy\`. \`state: touch\` is done once a run, and each run changes the file, as in Ansible, unless
\`modification_time\` and \`access_time\` are \`preserve\`: then it makes a file where none is, and no more. A rollback removes a new file, and sets no times.
\`state: hard\` and \`recurse\` are not there: rights of a whole tree are a \`command: chown -R ...\`. A removed file is kept as a backup, a removed directory is not:
the plan warns of it. Directories of the system such as /etc or /var/lib are never removed.`,
  args: asArgs(args),
  convergent: (given) => given.state !== 'touch' || timesNow(given) === undefined,
  delegable: 'files',
  maxRisk: 'reboot',
  facts: wants,
  plan,
});
