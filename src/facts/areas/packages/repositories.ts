// The choice of repositories for a query, and the fact names that contain it.
import { quote } from '../../../model/text/quote.ts';
import { isList, type Mapping, type Value } from '../../../model/value.ts';

/** Repository ids, or patterns of ids as yum takes them (`elrepo*`). */
export interface Repositories {
  readonly enable: readonly string[];
  readonly disable: readonly string[];
}

export const noRepositories: Repositories = { enable: [], disable: [] };

/** The choice as arguments of the area. */
export const repositoryWant = ({ enable, disable }: Repositories): Mapping => ({
  ...(enable.length === 0 ? {} : { enablerepo: enable }),
  ...(disable.length === 0 ? {} : { disablerepo: disable }),
});

export const wantedRepositories = (args: Mapping): Repositories => ({
  enable: wordsOf(args.enablerepo),
  disable: wordsOf(args.disablerepo),
});

const wordsOf = (value: Value | undefined): readonly string[] =>
  isList(value) ? value.map((word) => String(word).replaceAll('\0', '')) : [];

/**
 * The flags ` --disablerepo=ID ... --enablerepo=ID ...`. yum and dnf apply them in order, so
 * `disable: "*"` keeps what is enabled after it.
 */
export const repositoryFlags = ({ enable, disable }: Repositories): string =>
  [
    ...disable.map((id) => ` ${quote(`--disablerepo=${id}`)}`),
    ...enable.map((id) => ` ${quote(`--enablerepo=${id}`)}`),
  ].join('');

/**
 * `package.NAME.available`. A choice is part of the name
 * (`package.NAME@elrepo-kernel,!base.available`), because two tasks may choose differently.
 */
export const lookFact = <const What extends 'available' | 'beside' | 'unusable'>(
  name: string,
  { enable, disable }: Repositories,
  what: What,
): `package.${string}.${What}` => {
  const choice = [...enable, ...disable.map((id) => `!${id}`)].join(',');
  return `package.${name}${choice === '' ? '' : `@${choice}`}.${what}`;
};
