// The package files of tasks (`files`): found or fetched, and read, before any host is contacted.

import type { InspectedFile } from '../../adapters/local/index.ts';
import { type Rendered, render } from '../../core/plan/task/condition.ts';
import type { TaskVars } from '../../core/plan/task/scope.ts';
import type { Scope } from '../../expression/index.ts';
import {
  hostScope,
  limitTo,
  resolvePattern,
  SealedError,
  sealedDiagnostic,
} from '../../load/index.ts';
import type { Diagnostic, Place } from '../../model/diagnostic.ts';
import type { Inventory } from '../../model/host.ts';
import type { PackageFile, PackageFiles } from '../../model/package-file.ts';
import {
  branchesOf,
  type ModuleTask,
  type Play,
  type Playbook,
  type Task,
} from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { AnyModule } from '../../model/run/change.ts';
import { isMapping, type Value } from '../../model/value.ts';
import { filesArg } from '../../modules/package-manager/files.ts';
import { report } from '../session/diagnostics.ts';
import type { Session } from '../session/session.ts';
import type { World } from '../session/world.ts';

export interface FilesProject {
  readonly playbook: Playbook;
  readonly inventory: Inventory;
  readonly modules: ReadonlyMap<string, AnyModule>;
  /** Where relative paths begin. */
  readonly directory: string;
  /** No inventory was given: what rests on variables of hosts is not judged. */
  readonly withoutHosts: boolean;
}

interface Wanted {
  readonly path?: string;
  readonly url?: string;
  readonly sha256?: string;
  readonly place: Place;
}

/** Reads all package files. With `fetch` false, URLs that are not kept yet are skipped. */
export async function packageFilesOf(
  project: FilesProject,
  session: Session,
  fetch: boolean,
): Promise<PackageFiles> {
  const diagnostics: Diagnostic[] = [];
  const found = new Map<string, InspectedFile>();
  const missed = new Set<string>();
  for (const wanted of wantedFiles(project, session, diagnostics)) {
    const key = wanted.path ?? wanted.url ?? '';
    // A file of several tasks is reported once, and a server that does not answer is asked once.
    if (missed.has(key)) continue;
    const file = found.get(key) ?? (await fileOf(wanted, project, session, fetch));
    if (file === undefined || 'code' in file) {
      missed.add(key);
      if (file !== undefined) diagnostics.push(file);
      continue;
    }
    found.set(key, file);
    if (wanted.sha256 !== undefined && wanted.sha256 !== file.sha256)
      diagnostics.push(
        wrong(wanted, 'has another checksum', `its sha256 is ${file.sha256}, not ${wanted.sha256}`),
      );
  }
  report(diagnostics, session.observer);
  return withNeeds(found);
}

/** The address without its query, which may be a token. */
const shown = (url: string): string => url.replace(/\?.*/s, '?...');

const wrong = (
  { path, url = '', place }: Wanted,
  why: string,
  detail?: string,
  hint?: string,
): Diagnostic => ({
  code: 'package-file',
  severity: 'error',
  place,
  summary: `package file ${path ?? shown(url)} ${why}`,
  ...present({ detail, hint }),
});

// ---- Which files: the arguments of the tasks, with the variables of each host ----

function* wantedFiles(
  project: FilesProject,
  session: Session,
  diagnostics: Diagnostic[],
): Generator<Wanted> {
  for (const play of project.playbook.plays) {
    const tasks = [...tasksWithFiles(play.tasks, [], project.modules)];
    if (tasks.length === 0) continue;
    const scopes = scopesOf(project, play, session);
    for (const { task, files, vars } of tasks) {
      const seen = new Set<string>();
      for (const scope of scopes) {
        const rendered = render({ files }, scope(vars));
        const place = task.argPlaces.files ?? task.place;
        if (rendered.kind !== 'value') {
          if (!project.withoutHosts) addOnce(diagnostics, notRendered(rendered, place));
          break;
        }
        const value = (isMapping(rendered.value) ? rendered.value.files : undefined) ?? [];
        const text = JSON.stringify(value);
        if (seen.has(text)) continue;
        seen.add(text);
        const parsed = filesArg.safeParse(value);
        if (!parsed.success) {
          diagnostics.push(
            ...parsed.error.issues.map((issue) => badArgument(issue.path, issue.message, task)),
          );
          break;
        }
        for (const [index, { path, url, sha256 }] of (parsed.data ?? []).entries())
          yield {
            ...present({ path, url }),
            ...(sha256 === undefined ? {} : { sha256: sha256.toLowerCase() }),
            place: task.argPlaces[`files.${index}`] ?? place,
          };
      }
    }
  }
}

const badArgument = (
  path: readonly PropertyKey[],
  message: string,
  task: ModuleTask,
): Diagnostic => {
  const at = ['files', ...path].map(String).join('.');
  const place = task.argPlaces[at] ?? task.argPlaces.files ?? task.place;
  return { code: 'bad-argument', severity: 'error', place, summary: `\`${at}\` ${message}` };
};

function notRendered(rendered: Exclude<Rendered, { kind: 'value' }>, place: Place): Diagnostic {
  if (rendered.kind === 'error' && rendered.cause instanceof SealedError)
    return sealedDiagnostic(rendered.cause);
  return {
    code: 'early-template',
    severity: 'error',
    place,
    summary: rendered.kind === 'error' ? rendered.message : rendered.why,
    detail:
      'package files are read before any host is contacted: only variables of the play, the inventory and -e can be used here',
  };
}

/** An encrypted file is the same error for each task that needs it. */
function addOnce(diagnostics: Diagnostic[], one: Diagnostic): void {
  if (one.code !== 'vault' || !diagnostics.some(({ summary }) => summary === one.summary))
    diagnostics.push(one);
}

interface FilesTask {
  readonly task: ModuleTask;
  readonly files: Value;
  readonly vars: TaskVars;
}

function* tasksWithFiles(
  tasks: readonly Task[],
  vars: TaskVars,
  modules: ReadonlyMap<string, AnyModule>,
): Generator<FilesTask> {
  for (const task of tasks) {
    const inner = [task, ...vars];
    if (task.kind === 'block') yield* tasksWithFiles(branchesOf(task), inner, modules);
    else if (
      modules.get(task.module)?.takesFiles === true &&
      isMapping(task.args) &&
      task.args.files !== undefined
    )
      yield { task, files: task.args.files, vars: inner };
  }
}

/** One scope a host; where there are no hosts, one without variables of hosts. */
function scopesOf(
  { inventory, withoutHosts, directory }: FilesProject,
  play: Play,
  { settings, world }: Session,
): readonly ((taskVars: TaskVars) => Scope)[] {
  const pool = withoutHosts ? [''] : (resolvePattern(play.hosts, inventory).value ?? []);
  const hosts =
    settings.limit === undefined || withoutHosts
      ? pool
      : (limitTo(pool, settings.limit, inventory, world.reader).value ?? []);
  const playVars = { ...settings.rollback?.playVars, ...play.vars };
  return hosts.map((host) => (taskVars) => {
    return hostScope(inventory, host, {
      extraVars: settings.extraVars,
      taskVars,
      playVars,
      ...present({
        rolledBack: settings.rollback?.vars.get(host),
        playDefaults: play.defaults,
      }),
      playbookDir: directory,
    });
  });
}

// ---- The files themselves ----

async function fileOf(
  wanted: Wanted,
  { directory }: FilesProject,
  session: Session,
  fetch: boolean,
): Promise<InspectedFile | Diagnostic | undefined> {
  if (wanted.url !== undefined) return fetched(wanted, wanted.url, session, fetch);
  const { world } = session;
  const places = placesOf(wanted.path ?? '', directory, world);
  for (const path of places) {
    const inspected = await world.inspectPackage(path);
    if (inspected.ok) return inspected.file;
    if (inspected.absent !== true)
      return wrong(wanted, inspected.why, places.length === 1 ? undefined : `read ${path}`);
  }
  return wrong(
    wanted,
    'is not there',
    `looked for ${places.join(' and ')}`,
    places.length === 1
      ? undefined
      : 'a relative path begins at the playbook; give an absolute one for a file elsewhere',
  );
}

const placesOf = (path: string, directory: string, { cwd, home }: World): readonly string[] => {
  if (path.startsWith('~/')) return [`${home}${path.slice(1)}`];
  if (path.startsWith('/')) return [path];
  const base = directory.startsWith('/')
    ? directory
    : directory === '.'
      ? cwd
      : `${cwd}/${directory}`;
  return [`${base}/files/${path}`, `${base}/${path}`];
};

/** Kept by its checksum, so that it is fetched once. */
async function fetched(
  wanted: Wanted,
  url: string,
  { ports, world, observer }: Session,
  fetch: boolean,
): Promise<InspectedFile | Diagnostic | undefined> {
  const { sha256 = '' } = wanted;
  const to = (await ports.store()).packagePath(sha256);
  const kept = await world.inspectPackage(to);
  if (kept.ok && kept.file.sha256 === sha256) return kept.file;
  if (!fetch) return undefined;
  observer.fetching(shown(url));
  const why = await world.download({ url, sha256, to, signal: world.kill });
  observer.fetching(undefined);
  if (why !== undefined)
    return wrong(
      wanted,
      `cannot be fetched: ${why}`,
      `it should have the sha256 ${sha256}`,
      'or download it by other means, and give its `path`',
    );
  const inspected = await world.inspectPackage(to);
  return inspected.ok ? inspected.file : wrong(wanted, inspected.why);
}

/** Which of the given files each of them requires, by name or by what they provide. */
function withNeeds(found: ReadonlyMap<string, InspectedFile>): PackageFiles {
  const givers = new Map<string, Set<string>>();
  for (const { name, provides } of found.values())
    for (const word of [name, ...provides])
      givers.set(word, (givers.get(word) ?? new Set()).add(name));
  const files = [...found].map(
    ([key, { requires, provides: _provides, ...file }]): readonly [string, PackageFile] => {
      const needs = new Set(requires.flatMap((word) => [...(givers.get(word) ?? [])]));
      needs.delete(file.name);
      return [key, { ...file, needs: [...needs].sort() }];
    },
  );
  return Object.fromEntries(files);
}
