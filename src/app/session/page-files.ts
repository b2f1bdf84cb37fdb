// The page that is built for browsers: its script and its style.
import { CommandError, type World } from './world.ts';

export type PageFile = 'page.js' | 'page.css';

/** From the package, or from beside a bundle that was carried to another machine. */
export function readPageFile(name: PageFile, { reader, packageRoot }: World): string {
  const found = [`${packageRoot}/dist/${name}`, `${packageRoot}/${name}`]
    .map(reader.readText)
    .find((read) => read.ok);
  if (found?.ok === true) return found.text;
  throw new CommandError(
    3,
    `${name} is not in ${packageRoot}`,
    'carry page.js and page.css beside kmend.cjs; in a checkout, npm run build makes them',
  );
}
