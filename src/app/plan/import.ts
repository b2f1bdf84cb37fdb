// Drafts a playbook of kmend from one of Ansible, and writes it.
import { type Draft, draftPlaybook, isSealedText } from '../../load/index.ts';
import { InputErrors } from '../session/diagnostics.ts';
import type { Session } from '../session/session.ts';
import { CommandError } from '../session/world.ts';
import { openProject } from './project.ts';

/** The draft of this playbook and of the files that it reads. No host is contacted. */
export async function importPlaybook(name: string, session: Session): Promise<Draft> {
  const { path, text, options } = await openProject(name, session, true);
  if (isSealedText(text))
    throw new CommandError(
      3,
      `${path} is encrypted as a whole`,
      'decrypt it: a draft would show what is in it',
    );
  const { value, diagnostics } = draftPlaybook(path, text, options);
  if (value === undefined) throw new InputErrors(diagnostics);
  return value;
}

/** A file of a draft in its new place. */
export interface Target {
  readonly from: string;
  readonly path: string;
  readonly text: string;
}

/**
 * Where the files of a draft go. One file is enough where no other changes and it lies beside the
 * old one, because names of files count from there; else all of them go into a directory.
 */
export function targetsOf({ files }: Draft, output: string, session: Session): readonly Target[] {
  const [playbook, ...others] = files;
  if (playbook === undefined) return [];
  const isDirectory = output.endsWith('/') || session.world.reader.list(output) !== undefined;
  const targets = isDirectory
    ? inDirectory(files, output.replace(/(?<!\/)\/+$/, ''))
    : [{ from: playbook.path, path: output, text: playbook.text }];
  const isBeside = directoryOf(output) === directoryOf(playbook.path);
  const changed = others.filter(({ isChanged }) => isChanged);
  if (!isDirectory && (changed.length > 0 || (others.length > 0 && !isBeside)))
    throw new CommandError(
      3,
      changed.length > 0
        ? `the draft changes other files, too: ${changed.map(({ path }) => path).join(', ')}`
        : `${playbook.path} reads other files, which would not be found from ${output}`,
      'give -o a directory, as `-o new/`: all files go there',
    );
  const there = targets.find(({ path }) => isThere(path, session));
  if (there !== undefined)
    throw new CommandError(
      3,
      `${there.path} is there already`,
      'give -o another name, or remove it',
    );
  return targets;
}

const isThere = (path: string, { world: { reader } }: Session): boolean => {
  const read = reader.readData(path);
  return read.ok || read.absent !== true;
};

const directoryOf = (path: string): string =>
  path.includes('/') ? path.slice(0, path.lastIndexOf('/')) || '/' : '.';

/** Below the directory as they were below the one that holds them all. */
function inDirectory(files: Draft['files'], directory: string): readonly Target[] {
  const common = files
    .map(({ path }) => path.split('/').slice(0, -1))
    .reduce((before, parts) => {
      const end = before.findIndex((part, index) => part !== parts[index]);
      return end < 0 ? before : before.slice(0, end);
    });
  if (files.some(({ path }) => path.split('/').slice(common.length).includes('..')))
    throw new CommandError(
      3,
      'the playbook reads files of a directory above it',
      'import it from the directory that holds them all',
    );
  return files.map(({ path, text }) => ({
    from: path,
    path: [directory, ...path.split('/').slice(common.length)].join('/'),
    text,
  }));
}
