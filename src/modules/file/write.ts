// Plans a file with a wanted text, owner and mode: what differs becomes one change.
import { metered } from '../../expression/meter.ts';
import { digest } from '../../expression/python/digest.ts';
import { withPrelude } from '../../facts/probe/prelude.ts';
import { allOf, type FactView, type FactWant, fact, need } from '../../model/fact.ts';
import type { FileState } from '../../model/facts/values.ts';
import { present } from '../../model/present.ts';
import type { Change, ModulePlan, PlanContext, Refusal } from '../../model/run/change.ts';
import type { Effect, RunEffect, WriteEffect } from '../../model/run/effect.ts';
import { filled } from '../../model/shape/schema.ts';
import { quote } from '../../model/text/quote.ts';
import { scriptText } from '../../model/text/script-text.ts';
import { splitWords } from '../../model/text/split-words.ts';
import attributes from './attributes.sh';
import { diffCount, unifiedDiff } from './diff.ts';
import { writeHere } from './here/write-here.ts';
import { modeOf } from './mode.ts';
import {
  type Attributes,
  attributeShape,
  missing,
  ownerAfter,
  ownerWanted,
  pathRisk,
  placeRefusal,
  placeWarnings,
  stateOf,
  stateText,
} from './place.ts';

/** Arguments of modules that write a file. */
export const writeShape = {
  ...attributeShape,
  validate: filled
    .refine((line) => splitWords(line) !== undefined, 'has a quote that is not closed')
    .refine((line) => line.includes('%s'), 'should have %s in it, which becomes the path')
    .optional()
    .describe(
      'A command that must accept the new file before it takes its place; `%s` becomes its path. Not run through a shell.',
    ),
};

export interface WriteArgs extends Attributes {
  readonly validate?: string | undefined;
}

/** The wants of a module that edits the text of a file. */
export const textWants = (path: string): readonly FactWant[] => [
  { area: 'file', args: { path, text: true } },
];

/** A file of the host as a module that edits text sees it. */
export interface TextFile {
  readonly path: string;
  readonly state: FileState;
  /** Empty where the file is absent. */
  readonly text: string;
}

export interface Wanted {
  readonly path: string;
  readonly args: WriteArgs;
  /** The path is a link: its target is edited, or the link is replaced by a file. */
  readonly follow: boolean;
  /** Mode of a file that is written, where none is wanted or it is given by symbols. */
  readonly baseMode?: string;
  /** The user of kmend, where the file is one of the machine that runs it. */
  readonly here?: string | undefined;
}

/**
 * Reads the text of a file to edit, or says why that cannot be done. A file that is replaced as a
 * whole may have any content.
 */
export function readText(
  path: string,
  facts: FactView,
  context: PlanContext,
  { isReplaced = false }: { readonly isReplaced?: boolean } = {},
): TextFile | { readonly plan: ModulePlan } {
  const state = stateOf(facts, path);
  const { text, why } = need(facts, `file.${path}.text`);
  if (state.kind === 'directory')
    return { plan: missing(`file.${path}.state`, `${path} is a directory`, context) };
  if (state.kind === 'other' || (why !== '' && !isReplaced))
    return {
      plan: {
        changes: [],
        refuse: {
          why: `${path} is not a text that kmend edits: ${why || 'it is no regular file'}`,
          hint: 'use `shell` with a command that edits it',
        },
      },
    };
  return { path, state, text: state.kind === 'absent' ? '' : text };
}

/** The plan of a module that wants this text in a file. */
export function planText(
  file: TextFile,
  after: string,
  wanted: Omit<Wanted, 'path'>,
  content: WriteEffect['content'] = after,
): ModulePlan {
  const { path, state } = file;
  const sha256 = sha256Of(after);
  const made: FileState = { ...state, sha256, size: new TextEncoder().encode(after).length };
  const isHidden = isPrivate(state) || isPrivate(attributesOf(wanted, state)) || isKey(after);
  const isKnown = file.text !== '' || state.size === 0;
  return planFile({ path, ...wanted }, state, made, {
    content,
    ...(isKnown ? { diff: shownDiff(file.text, after, isHidden) } : {}),
    promises: fact(`file.${path}.text`, { text: after, why: '' }),
  });
}

const sha256Of = (text: string): string => metered(() => digest(text, 'sha256'));

/** A file that only its owner and group may read may hold secrets; so may a key. */
const isPrivate = ({ mode }: Pick<FileState, 'mode'>): boolean =>
  mode !== '' && (Number.parseInt(mode, 8) & 4) === 0;
const isKey = (text: string): boolean => text.includes('PRIVATE KEY-----');

const shownDiff = (before: string, after: string, isHidden: boolean): string =>
  isHidden || isKey(before)
    ? `(${diffCount(before, after)}, not shown: not everybody may read this file)`
    : unifiedDiff(before, after);

/** Owner and mode as they will be. */
function attributesOf(
  { args, baseMode, here }: Omit<Wanted, 'path'>,
  state: FileState,
): Pick<FileState, 'mode' | 'owner' | 'group'> {
  const now = baseMode ?? (state.mode === '' ? '0644' : state.mode);
  return {
    mode: args.mode === undefined ? now : modeOf(args.mode, now, false),
    ...ownerAfter(args, state, here),
  };
}

interface Content {
  readonly content: WriteEffect['content'];
  readonly diff?: string;
  readonly promises?: ModulePlan['promises'];
}

/** @param made the file as it will be, but for its owner and mode */
export function planFile(
  wanted: Wanted,
  state: FileState,
  made: FileState,
  { content, diff = '', promises = {} }: Content,
): ModulePlan {
  const { path, args, follow, here } = wanted;
  const isReplacedLink = state.link !== '' && !follow;
  const owner = ownerWanted(args, state.kind === 'absent' ? undefined : state);
  const isWritten = isReplacedLink || state.kind === 'absent' || made.sha256 !== state.sha256;
  const rights = attributesOf(isWritten ? wanted : { args, follow, here }, state);
  const isSame = !isWritten && owner === undefined && rights.mode === state.mode;
  const real = isReplacedLink ? path : state.real;
  if (isSame) return { changes: [], result: { path } };
  const refuse = placeRefusal(real);
  if (refuse !== undefined) return { changes: [], refuse };
  const after: FileState = {
    ...made,
    ...rights,
    kind: 'file',
    link: isReplacedLink ? '' : state.link,
    real,
    parent: true,
  };
  const [was, will] = [stateText(state, isReplacedLink), stateText(after, false)];
  const write = { mode: rights.mode, owner, validate: args.validate, state };
  const effects: Effect[] = !isWritten
    ? [attributeEffect(real, { mode: rights.mode, owner })]
    : here === undefined
      ? [writeEffect(real, content, write)]
      : [writeHere(writeEffect(real, content, write))];
  const change: Change = {
    sign: was === undefined ? '+' : '~',
    // A rollback must write to the target of a link that was followed.
    what: `file ${real}`,
    ...present({ before: was, after: will }),
    ...(isWritten && diff !== '' ? { diff } : {}),
    risk: pathRisk(real),
    effects,
  };
  return {
    changes: [change],
    promises: allOf([fact(`file.${path}.state`, after), promises]),
    ...placeWarnings(real),
    result: { path },
  };
}

const writeEffect = (
  path: string,
  content: WriteEffect['content'],
  {
    mode,
    owner,
    validate,
    state,
  }: {
    readonly mode: string;
    readonly owner: string | undefined;
    readonly validate: string | undefined;
    readonly state: FileState;
  },
): WriteEffect => ({
  kind: 'write',
  what: `write ${path}`,
  path,
  content,
  mode,
  ...present({
    // A long file has no checksum.
    replaces: state.kind === 'file' && state.sha256 === '' ? undefined : state.sha256,
    owner,
    validate: validate === undefined ? undefined : (splitWords(validate) ?? []),
  }),
  timeout: 120,
});

/** Sets mode and owner of what is there. `path` is the real one. */
export const attributeEffect = (
  path: string,
  {
    mode,
    owner,
  }: {
    readonly mode?: string | undefined;
    readonly owner?: string | undefined;
  },
): RunEffect => ({
  kind: 'run',
  what: `set ${[mode === undefined ? '' : 'mode', owner === undefined ? '' : 'owner'].filter(Boolean).join(' and ')} of ${path}`,
  script: withPrelude(
    scriptText(attributes, {
      path: quote(path),
      mode: quote(mode ?? ''),
      owner: quote(owner ?? ''),
      times: '',
    }),
  ),
  detached: false,
  timeout: 120,
  errors: {
    70: `the owner of ${path} could not be set: is there such a user and group?`,
    71: `the mode of ${path} could not be set`,
  },
});

/** An edit that a second run would do again: kmend may repeat it after an interruption. */
export const notIdempotent = (path: string): { readonly refuse: Refusal } => ({
  refuse: {
    why: `this edit of ${path} would be done again by each run: what it writes matches once more`,
    hint: 'write a `regexp` that does not match its own result',
  },
});
