// The playbooks that come with kmend, by name: `@auto` is playbooks/auto.yaml of the package.
import { nearest } from '../../model/diagnostic.ts';
import { CommandError, type World } from '../session/world.ts';

type Package = Pick<World, 'packageRoot' | 'reader'>;

const folder = ({ packageRoot }: Package): string => `${packageRoot}/playbooks`;

export const shippedPlaybooks = (world: Package): readonly string[] =>
  (world.reader.list(folder(world)) ?? [])
    .flatMap((file) => /^(.+)\.yaml$/.exec(file)?.slice(1) ?? [])
    .map((name) => `@${name}`)
    .toSorted();

/** The file of a playbook that is given as a path, or as the name of one that comes with kmend. */
export function playbookFile(given: string, world: Package): string {
  if (!given.startsWith('@')) return given;
  const known = shippedPlaybooks(world);
  if (known.includes(given)) return `${folder(world)}/${given.slice(1)}.yaml`;
  const guess = nearest(given, known);
  const these = known.length === 0 ? `${folder(world)} has none` : `they are ${known.join(', ')}`;
  throw new CommandError(
    3,
    `no playbook that comes with kmend is called ${given}`,
    guess === undefined ? these : `did you mean ${guess}?`,
  );
}

/** What to do where there is no such file: perhaps one that comes with kmend was meant. */
export function hintOfMissing(path: string, world: Package): string {
  const name = `@${path.slice(path.lastIndexOf('/') + 1).replace(/\.ya?ml$/, '')}`;
  return shippedPlaybooks(world).includes(name)
    ? `kmend comes with a playbook of this name: give ${name}`
    : 'the first argument is a playbook, or a plan that `kmend plan -o` saved';
}
