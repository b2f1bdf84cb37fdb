// `docs`, `schema` and `probe`: what comes straight from module and fact objects.
import type { Command } from 'commander';
import { buildProbe, checkWants, factDefs } from '../facts/index.ts';
import { settingKeys } from '../load/index.ts';
import { nearest } from '../model/diagnostic.ts';
import { factsMarkdown, moduleIndex, moduleMarkdown, settingsMarkdown } from '../report/module-docs.ts';
import { CommandError, type World } from './world.ts';

export function docsCommands(program: Command, world: World, done: (exit: number) => void): void {
  program
    .command('docs')
    .description('what modules can do (`docs MODULE`), which facts there are (`docs facts`), and what settings files say (`docs settings`)')
    .argument('[topic]')
    .action(async (topic: string | undefined) => {
      for (const line of await docs(topic, world)) world.out(line);
      done(0);
    });
  program
    .command('schema')
    .description('JSON schema of playbooks, for editors')
    .action(async () => {
      const { playbookSchema } = await import('../load/index.ts');
      world.out(JSON.stringify(playbookSchema(await world.modules()), null, 2));
      done(0);
    });
  program
    .command('probe')
    .description('print the read-only script that reads all facts, for people who run it by other means (then: check --from DIR)')
    .action(() => {
      world.out(buildProbe(checkWants).replace(/\n$/, ''));
      done(0);
    });
}

async function docs(topic: string | undefined, world: World): Promise<readonly string[]> {
  const modules = await world.modules();
  if (topic === undefined) return moduleIndex(modules.values());
  if (topic === 'facts') return factsMarkdown(factDefs);
  if (topic === 'settings') return settingsMarkdown(settingKeys);
  const module = modules.get(topic);
  if (module !== undefined) return moduleMarkdown(module);
  const near = nearest(topic, [...modules.keys(), 'facts', 'settings']);
  throw new CommandError(3, `there is no module ${topic}`, near === undefined ? 'kmend docs lists them' : `did you mean ${near}?`);
}
