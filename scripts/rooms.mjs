// The map of the rooms and their imports, read from the sources, for docs/architecture.md.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const root = dirname(import.meta.dirname);
const mark = /(<!-- map of the rooms -->\n)(?:```mermaid\n[\s\S]*?^```\n)?/m;

const sources = (folder) =>
  readdirSync(folder, { recursive: true })
    .filter((file) => /\.tsx?$/.test(file))
    .map((file) => join(folder, file));

/** Each adapter is a room of its own. */
const roomOf = (path) => {
  const [first, second] = relative(root, path)
    .replace(/^src\//, '')
    .split('/');
  return first === 'adapters' ? `${first}/${second}` : first;
};

/** For each room, the other rooms that it imports. */
function arrows() {
  const found = new Map();
  for (const path of ['src', 'practice', 'page'].flatMap((top) => sources(join(root, top)))) {
    const to = found.get(roomOf(path)) ?? new Set();
    found.set(roomOf(path), to);
    const text = readFileSync(path, 'utf8');
    for (const match of text.matchAll(
      /^(?:import|export)\b[^;'"]*?from\s+'(\.[^']+)'|import\('(\.[^']+)'\)/gm,
    )) {
      const room = roomOf(join(dirname(path), match[1] ?? match[2]));
      if (room !== roomOf(path)) to.add(room);
    }
  }
  return found;
}

/** Without the arrows that follow from others: the map stays readable. */
function roomMap() {
  const all = arrows();
  const reaches = (from, to) => [...all.get(from)].some((next) => next === to || reaches(next, to));
  const lines = [...all].flatMap(([from, tos]) =>
    [...tos]
      .filter((to) => ![...tos].some((other) => other !== to && reaches(other, to)))
      .map((to) => `  ${from} --> ${to}`),
  );
  return `\`\`\`mermaid\nflowchart TD\n${lines.toSorted().join('\n')}\n\`\`\`\n`;
}

/** The page with the map of today's sources. */
export function withRoomMap(page) {
  if (!mark.test(page)) throw new Error('docs/architecture.md has no place for the map');
  return page.replace(mark, (_, line) => `${line}${roomMap()}`);
}
