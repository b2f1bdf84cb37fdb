// `kmend docs`, `schema` and `probe`: pages of docs/, and what is made from modules and facts.
import type { Command } from 'commander';
import { CommandError } from '../../../app/session/world.ts';
import { buildProbe, checkWants, factDefs } from '../../../facts/index.ts';
import { settingKeys } from '../../../load/index.ts';
import { nearest } from '../../../model/diagnostic.ts';
import { toJson } from '../../../model/text/printable.ts';
import {
  docsIndex,
  factsMarkdown,
  moduleMarkdown,
  settingsMarkdown,
} from '../../../screens/module-docs.ts';
import { printText, type World } from '../../world.ts';

export function docsCommands(program: Command, world: World, done: (exit: number) => void): void {
  program
    .command('docs')
    .description(
      'modules and pages: without a topic their list, with one its text as Markdown (`docs kmem`, `docs kernel_arg`)',
    )
    .argument('[topic]', 'a module or a page')
    .action(async (topic: string | undefined) => {
      for (const line of await docs(topic, world)) world.out(line);
      done(0);
    });
  program
    .command('schema')
    .description('JSON schema of playbooks, for editors')
    .action(async () => {
      const { playbookSchema } = await import('../../../load/playbook/playbook-schema.ts');
      printText(toJson(playbookSchema(await world.modules()), 2), world.data);
      done(0);
    });
  program
    .command('probe')
    .description(
      'print the read-only script that reads all facts, to run it by other means (then: check --from DIR)',
    )
    .action(() => {
      printText(buildProbe(checkWants), world.data);
      done(0);
    });
}

async function docs(topic: string | undefined, world: World): Promise<readonly string[]> {
  const modules = await world.modules();
  const pages = pagesOf(world);
  if (topic === undefined) return docsIndex(modules.values(), pages);
  const module = modules.get(topic);
  if (module !== undefined) return moduleMarkdown(module);
  const page = pages.find(({ name }) => name === topic);
  if (page !== undefined) return page.lines();
  throw unknownTopic(topic, [...modules.keys(), ...pages.map(({ name }) => name)], world);
}

/** Modules and pages, for completion. */
export async function topics(
  world: World,
): Promise<readonly { readonly word: string; readonly about: string }[]> {
  return [
    ...[...(await world.modules()).values()].map(({ name, summary }) => ({
      word: name,
      about: summary,
    })),
    ...pagesOf(world).map(({ name, title }) => ({ word: name, about: title })),
  ];
}

interface DocsPage {
  readonly name: string;
  readonly title: string;
  readonly lines: () => readonly string[];
}

const docsDirectory = (world: World): string => `${world.packageRoot}/docs`;

/** The pages of docs/, and the two that this program writes itself. */
function pagesOf(world: World): readonly DocsPage[] {
  const own: readonly DocsPage[] = [
    { name: 'facts', title: 'Facts', lines: () => factsMarkdown(factDefs) },
    { name: 'settings', title: 'Settings', lines: () => settingsMarkdown(settingKeys) },
  ];
  const files = (world.reader.list(docsDirectory(world)) ?? []).filter((file) =>
    file.endsWith('.md'),
  );
  const written = files.flatMap((file): readonly DocsPage[] => {
    const name = file.slice(0, -'.md'.length);
    const read = own.some((page) => page.name === name)
      ? undefined
      : world.reader.readData(`${docsDirectory(world)}/${file}`);
    if (read?.ok !== true) return [];
    return [
      {
        name,
        title: /^# (.+)$/m.exec(read.text)?.[1] ?? '',
        lines: () => read.text.trimEnd().split('\n'),
      },
    ];
  });
  return [...own, ...written].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** A bundle that was copied to another machine has pages only where docs/ was copied, too. */
function unknownTopic(topic: string, known: readonly string[], world: World): CommandError {
  const near = nearest(topic, known);
  if (near !== undefined)
    return new CommandError(3, `there is no module or page ${topic}`, `did you mean ${near}?`);
  return world.reader.list(docsDirectory(world)) === undefined
    ? new CommandError(
        3,
        `there is no module ${topic}, and ${docsDirectory(world)} with the pages is missing`,
        'put the docs/ of the package or checkout beside playbooks/',
      )
    : new CommandError(3, `there is no module or page ${topic}`, 'kmend docs lists them');
}
