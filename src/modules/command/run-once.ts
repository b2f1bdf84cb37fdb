// What `command` and `shell` share: guards by paths, and the change that runs a script once.

import { withPrelude } from '../../facts/probe/prelude.ts';
import { allOf, type FactView, type FactWant, fact, need } from '../../model/fact.ts';
import { present } from '../../model/present.ts';
import type { Environment, ModulePlan } from '../../model/run/change.ts';
import { absolutePath, duration, flag, text } from '../../model/shape/schema.ts';
import { quote } from '../../model/text/quote.ts';
import { scriptText } from '../../model/text/script-text.ts';
import asUserFile from './as-user.sh';

/** Ansible expands patterns, variables and `~` in these paths. */
const directory = text.regex(
  /^\/[^\0$]*$/,
  'should be an absolute path; `$` is not expanded in it',
);
const onePath = text.regex(
  /^\/[^\0$*?[\]]*$/,
  'should be an absolute path; `$` and patterns are not expanded in it',
);

/** Arguments of both. */
export const runShape = {
  chdir: directory.optional().describe('Directory to run it in.'),
  creates: onePath.optional().describe('Not run when this path is there.'),
  removes: onePath.optional().describe('Not run when this path is not there.'),
  unless: absolutePath.optional().describe('Not run when this path exists.'),
  stdin: text.optional().describe('Text for its standard input; not kept on the host.'),
  stdin_add_newline: flag.default(true).describe('`stdin` ends with one more line end.'),
  strip_empty_ends: flag
    .refine((strip) => strip, 'cannot be false: line ends at the end of the output are cut')
    .optional()
    .describe('Accepted, as in Ansible.'),
  warn: flag.optional().describe('Accepted, as in Ansible before 2.14; it changes nothing.'),
  read_only: flag
    .default(false)
    .describe('It changes nothing: it is no change, and a plan may run it (see above).'),
  timeout: duration.default(600).describe('How long it may take.'),
};

/** Arguments of the text form, as in Ansible. */
export const freeFormNames = [
  'creates',
  'removes',
  'chdir',
  'executable',
  'warn',
  'stdin',
  'stdin_add_newline',
  'strip_empty_ends',
];

export interface RunArgs {
  readonly chdir?: string | undefined;
  readonly creates?: string | undefined;
  readonly removes?: string | undefined;
  readonly unless?: string | undefined;
  readonly stdin?: string | undefined;
  readonly stdin_add_newline: boolean;
  readonly read_only: boolean;
  readonly timeout: number;
  /** Another user than that of the session; empty = the login user. */
  readonly user?: string;
  /** Variables for the program and its children. */
  readonly environment?: Environment;
}

/** Wants of a task that runs `body`: its guards, and its output where it only reads. */
export const runWants = (body: string, given: RunArgs): readonly FactWant[] => [
  ...[given.creates, given.removes, given.unless].flatMap((path) =>
    path === undefined ? [] : [{ area: 'path', args: { path } }],
  ),
  ...(given.read_only
    ? [{ area: 'output', args: { script: scriptOf(body, given), timeout: seconds(given) } }]
    : []),
];

const stdinOf = ({ stdin, stdin_add_newline: isLine }: RunArgs): string | undefined =>
  stdin === undefined || !isLine ? stdin : `${stdin}\n`;

const seconds = (given: RunArgs): number => Math.max(1, Math.ceil(given.timeout));

function scriptOf(body: string, given: RunArgs): string {
  const chdir =
    given.chdir === undefined
      ? ''
      : `cd -- "$R"${quote(given.chdir)} || { echo "cannot change to the directory" >&2; exit 125; }\n`;
  return withPrelude(asUser(`${chdir}${exportsOf(given)}${body}\n`, given.user));
}

/** In the script: arguments of a process are seen by everybody. */
function exportsOf({ environment = {} }: RunArgs): string {
  const names = Object.keys(environment);
  // The prelude sets LC_ALL, which would hide the others.
  const frees = names.some((name) => /^LC_|^LANG/.test(name)) ? 'unset LC_ALL LANG\n' : '';
  return (
    frees +
    Object.entries(environment)
      .map(([name, value]) => `export ${name}=${quote(value)}\n`)
      .join('')
  );
}

/** The script for another user, who gets the environment of the session. */
function asUser(script: string, user: string | undefined): string {
  if (user === undefined) return script;
  let end = 'kmend_end';
  while (script.split('\n').includes(end)) end += '_';
  return scriptText(asUserFile, { user: quote(user), script, end });
}

/** Of the environment only the names: its values may be secret. */
const shownAround = ({ user, environment = {} }: RunArgs): string => {
  const names = Object.keys(environment).join(', ');
  return (
    (user === undefined ? '' : ` (as ${user === '' ? 'the login user' : user})`) +
    (names === '' ? '' : ` (with ${names})`)
  );
};

/** Why it need not run, and Ansible's result of that; `undefined` where it must. */
function guarded(given: RunArgs, facts: FactView): ModulePlan | undefined {
  for (const path of [given.creates, given.unless])
    if (path !== undefined && need(facts, `path.${path}.exists`))
      return notRun(`${path} is there`, `skipped, since ${path} exists`);
  const { removes } = given;
  return removes !== undefined && !need(facts, `path.${removes}.exists`)
    ? notRun(`${removes} is not there`, `skipped, since ${removes} does not exist`)
    : undefined;
}

const notRun = (note: string, stdout: string): ModulePlan => ({
  changes: [],
  note,
  result: { rc: 0, stdout, stdout_lines: [stdout], stderr: '', stderr_lines: [] },
});

export function planRun(
  command: string,
  body: string,
  given: RunArgs,
  facts: FactView,
): ModulePlan {
  const shown = command + shownAround(given);
  const skipped = guarded(given, facts);
  if (skipped !== undefined) return skipped;
  if (given.read_only) return asRead(shown, body, given, facts);
  return {
    changes: [
      {
        sign: '!',
        what: shown,
        risk: 'restart',
        effects: [
          {
            kind: 'run',
            what: shown,
            script: scriptOf(body, given),
            ...present({ stdin: stdinOf(given) }),
            detached: given.stdin === undefined,
            timeout: seconds(given),
          },
        ],
      },
    ],
    ...promises(given),
  };
}

/**
 * A read-only command is a fact: the plan runs it too, and it changes nothing. A failed command
 * fails the host, unless `failed_when` decides otherwise.
 */
function asRead(shown: string, body: string, given: RunArgs, facts: FactView): ModulePlan {
  const result = facts.get(`output.${scriptOf(body, given)}`);
  if (result?.rc === 0) return { changes: [], result };
  const { rc, stderr } = result ?? { rc: undefined, stderr: '' };
  const lastLine = stderr === '' ? '' : `: ${stderr.split('\n').at(-1)?.slice(0, 500)}`;
  return {
    changes: [],
    result: result ?? {},
    unmet: { kind: 'exit', evidence: `${shown} ended with ${String(rc)}${lastLine}` },
  };
}

const promises = (given: RunArgs): Pick<ModulePlan, 'promises'> => {
  const { creates, removes } = given;
  if (creates === undefined && removes === undefined) return {};
  return {
    promises: allOf([
      creates === undefined ? {} : fact(`path.${creates}.exists`, true),
      removes === undefined ? {} : fact(`path.${removes}.exists`, false),
    ]),
  };
};
