// Drafts a playbook of kmend from one of Ansible. The loader judges each draft: what it refuses is
// repaired, or becomes a question.
import { type Checked, type Diagnostic, hasErrors } from '../../model/diagnostic.ts';
import { loadPlaybook, type PlaybookOptions } from '../playbook/playbook.ts';
import type { Reader } from '../text/reader.ts';
import { isVaultText } from '../text/vault.ts';
import type { Accounted, Draft } from './account.ts';
import { Decisions } from './decisions.ts';
import { type Item, type OldFile, readOldFile } from './old-file.ts';
import { type Decided, type Written, writeDraft } from './write-draft.ts';

/** Each error takes a task one step further; there are four, and names follow from each other. */
const mostRounds = 40;

/** There is no value where the files cannot be read, or no draft of them loads. */
export function draftPlaybook(
  path: string,
  text: string,
  options: PlaybookOptions,
): Checked<Draft> {
  const project = new Project(path, options);
  const found = project.open(path, text);
  if (hasErrors(found)) return { diagnostics: found };
  for (let round = 0; round < mostRounds; round++) {
    const drafts = project.write();
    const { diagnostics } = project.load(drafts);
    const broken = project.openRead();
    if (hasErrors(broken)) return { diagnostics: broken };
    const errors = diagnostics.filter(({ severity }) => severity === 'error');
    if (project.isGrown) continue;
    if (errors.length === 0) return { value: project.draft(drafts), diagnostics: [] };
    const stuck = project.refuse(errors, drafts);
    if (stuck.length > 0) return { diagnostics: stuck };
  }
  return {
    diagnostics: [{ code: 'import', severity: 'error', summary: `no draft of ${path} loads` }],
  };
}

type Drafts = ReadonlyMap<
  string,
  Written & { readonly decided: readonly Decided[]; readonly file: OldFile }
>;

class Project {
  /** More files were found since the last draft. */
  isGrown = false;
  private readonly decisions: Decisions;
  private readonly files = new Map<string, OldFile>();
  /** Texts of all other files. */
  private readonly read = new Map<string, string>();
  private readonly path: string;
  private readonly options: PlaybookOptions;

  constructor(path: string, options: PlaybookOptions) {
    this.path = path;
    this.options = options;
    this.decisions = new Decisions(options.modules);
  }

  open(path: string, text: string): readonly Diagnostic[] {
    const { value: file, diagnostics } = readOldFile(path, text);
    if (file === undefined) return diagnostics;
    this.files.set(path, file);
    this.decisions.add(file);
    return [];
  }

  write(): Drafts {
    this.isGrown = false;
    const drafts = new Map<string, Written & { decided: readonly Decided[]; file: OldFile }>();
    for (const [file, decided] of this.decisions.all())
      drafts.set(file.path, { ...writeDraft(file, decided), decided, file });
    return drafts;
  }

  load(drafts: Drafts): { readonly diagnostics: readonly Diagnostic[] } {
    const { reader } = this.options;
    const readFound: Reader['readFound'] | undefined =
      reader &&
      ((path, directory) => {
        const draft = drafts.get(path);
        if (draft !== undefined) return { ok: true, text: draft.text };
        const read = reader.readFound(path, directory);
        if (read.ok) this.read.set(path, read.text);
        return read;
      });
    return loadPlaybook(this.path, drafts.get(this.path)?.text ?? '', {
      ...this.options,
      ...(reader && readFound && { reader: { ...reader, readFound } }),
    });
  }

  /** Takes in the files that the last draft read. */
  openRead(): readonly Diagnostic[] {
    for (const [path, text] of this.read) {
      if (this.files.has(path) || isVaultText(text)) continue;
      const found = this.open(path, text);
      if (hasErrors(found)) return found;
      this.isGrown = true;
    }
    return [];
  }

  /** Gives each error to its task; what is left belongs to none, or cannot be helped. */
  refuse(errors: readonly Diagnostic[], drafts: Drafts): readonly Diagnostic[] {
    const byItem = new Map<Item, Diagnostic[]>();
    const stuck: Diagnostic[] = [];
    for (const error of errors) {
      const item = itemAt(error, drafts);
      if (item === undefined) stuck.push(error);
      else byItem.set(item, [...(byItem.get(item) ?? []), error]);
    }
    let isHelped = false;
    for (const [item, own] of byItem)
      if (this.decisions.refuse(item, own)) isHelped = true;
      else stuck.push(...own.map((error) => asWritten(error, item, drafts)));
    return isHelped ? [] : stuck;
  }

  draft(drafts: Drafts): Draft {
    const first = drafts.get(this.path);
    const others = [...drafts].filter(([path]) => path !== this.path).map(([, draft]) => draft);
    const all = first === undefined ? others : [first, ...others];
    const sealed = [...this.read].filter(([path]) => !drafts.has(path));
    return {
      files: [
        ...all.map(({ file, text, isChanged }) => ({ path: file.path, text, isChanged })),
        ...sealed.map(([path, text]) => ({ path, text, isChanged: false })),
      ],
      account: all.flatMap(accountOf),
    };
  }
}

function itemAt({ place }: Diagnostic, drafts: Drafts): Item | undefined {
  const draft = place && drafts.get(place.file);
  const line = (place?.line ?? 0) - 1;
  return draft?.places.find(({ first, last }) => first <= line && line <= last)?.item;
}

/** With its place in the old file. */
function asWritten(error: Diagnostic, item: Item, drafts: Drafts): Diagnostic {
  const file = error.place && drafts.get(error.place.file)?.file;
  return file === undefined ? error : { ...error, place: file.source.placeAt(item.at) };
}

function accountOf({
  file,
  decided,
  outcomes,
}: Written & { decided: readonly Decided[]; file: OldFile }): readonly Accounted[] {
  return decided.flatMap(({ item, task, outcome: wanted }): Accounted[] => {
    const outcome = outcomes.get(item) ?? wanted;
    if (item.what !== 'task' && outcome.fate === 'kept') return [];
    return [
      {
        place: file.source.placeAt(item.at),
        what: item.what,
        name: task?.label ?? item.key?.key ?? nameIn(item),
        fate: outcome.fate,
        ...(outcome.fate === 'replaced' && { by: outcome.by }),
        ...(outcome.why !== undefined && { why: outcome.why }),
      },
    ];
  });
}

function nameIn({ tree }: Item): string {
  if (tree.kind === 'scalar') return tree.text;
  const named =
    tree.kind === 'map' ? tree.entries.find(({ value }) => value.kind === 'scalar') : undefined;
  return named?.value.kind === 'scalar' ? named.value.text : 'task';
}
