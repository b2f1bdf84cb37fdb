// Draws docs/run.svg: three commands on a practice fleet, as a terminal showed them. `--check`
// writes nothing and fails where the picture is not fresh.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const file = join(root, 'docs/run.svg');
const columns = 108;
const commands = [
  'kmend check pool_a',
  'kmend plan playbooks/nokmem.yaml -l pool_a -o plan.json | tail -n 2',
  'kmend apply plan.json --yes',
];

/**
 * What a terminal of this width received while the commands ran. `script` (util-linux) gives them
 * the terminal.
 */
function record() {
  const directory = mkdtempSync(join(tmpdir(), 'kmend-picture-'));
  const kmend = `${process.execPath} ${join(root, 'bin/kmend.mjs')}`;
  const state = join(directory, 'state');
  cpSync(join(root, 'playbooks'), join(directory, 'playbooks'), { recursive: true });
  const shown = commands.map(
    (line) => `printf '\\033[1m$ %s\\033[22m\\n' '${line}'; ${line}; echo`,
  );
  const lines = [`kmend() { ${kmend} "$@"; }`, `stty cols ${columns} rows 50`, ...shown];
  writeFileSync(join(directory, 'session.sh'), `${lines.join('\n')}\n`);
  const env = {
    PATH: process.env.PATH,
    HOME: directory,
    TERM: 'xterm',
    LANG: 'C.UTF-8',
    KMEND_STATE_DIR: state,
  };
  const run = (program, args) =>
    spawnSync(program, args, {
      cwd: directory,
      encoding: 'utf8',
      env: { ...env, KMEND_INVENTORY: join(state, 'lab/inventory.yaml') },
    });
  const isUp = () => run(process.execPath, [join(root, 'bin/kmend.mjs'), 'lab', 'up']).status === 0;
  try {
    // Another program may take a port of the fleet between its choice and its use.
    for (let tries = 1; !isUp(); tries++)
      if (tries === 3) throw new Error('the practice fleet did not start');
    const { status, stdout, stderr } = run('script', [
      '--quiet',
      '--flush',
      '--command',
      'sh session.sh',
      'typescript',
    ]);
    if (status !== 0) throw new Error(`script ended with ${status}: ${stdout} ${stderr}`);
    return readFileSync(join(directory, 'typescript'), 'utf8').split('\n').slice(1, -2).join('\n');
  } finally {
    spawnSync(process.execPath, [join(root, 'bin/kmend.mjs'), 'lab', 'down'], { env });
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * The screen at the end: rows of cells, each a sign and how it was painted. Knows what kmend's own
 * output needs of a terminal.
 */
function screenOf(output) {
  const rows = [[]];
  let [row, column, style] = [0, 0, {}];
  const newline = () => {
    row += 1;
    rows[row] ??= [];
  };
  const paint = (codes) => {
    for (const code of codes.split(';').map(Number)) {
      if (code === 0) style = {};
      else if (code === 1 || code === 2) style = { ...style, weight: code === 1 ? 'b' : 'd' };
      else if (code === 22) style = { ...style, weight: undefined };
      else style = { ...style, colour: code === 39 ? undefined : `c${code}` };
    }
  };
  const control = {
    m: paint,
    A: (n) => (row = Math.max(0, row - Number(n || 1))),
    G: () => (column = 0),
  };
  control.K = (what) => (rows[row] = what === '2' ? [] : rows[row].slice(0, column));
  control.J = () => rows.splice(row, rows.length, rows[row].slice(0, column));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a terminal receives
  for (const [sign, codes, name] of output.matchAll(/\u001b\[([0-9;?]*)([A-Za-z])|./gsu)) {
    if (name !== undefined) control[name]?.(codes);
    else if (sign === '\r') column = 0;
    else if (sign === '\n') newline();
    else {
      if (column >= columns) {
        newline();
        column = 0;
      }
      rows[row][column] = { sign, style };
      column += 1;
    }
  }
  return rows.slice(0, rows.findLastIndex((cells) => cells.length > 0) + 1);
}

const escaped = (text) =>
  text.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign]);

/** Runs of equal paint become one element. */
function lineOf(cells, index) {
  const pieces = [];
  for (const { sign, style } of Array.from(cells, (cell) => cell ?? { sign: ' ', style: {} })) {
    const name = [style.weight, style.colour].filter(Boolean).join(' ');
    if (pieces.at(-1)?.name === name) pieces.at(-1).text += sign;
    else pieces.push({ name, text: sign });
  }
  const spans = pieces.map(({ name, text }) =>
    name === '' ? escaped(text) : `<tspan class="${name}">${escaped(text)}</tspan>`,
  );
  return `<text x="16" y="${34 + index * 18}">${spans.join('')}</text>`;
}

function draw(rows) {
  const [width, height] = [32 + Math.ceil(columns * 7.83), 36 + rows.length * 18];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" xml:space="preserve">
<title>kmend checks three hosts, plans, and remediates two of them one after the other</title>
<style>
text { font: 13px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #d8dee9; white-space: pre }
.b { font-weight: bold } .d { opacity: .6 }
.c31 { fill: #ff7b72 } .c32 { fill: #7ee787 } .c33 { fill: #e3b341 } .c36 { fill: #79c0ff }
</style>
<rect width="100%" height="100%" rx="8" fill="#11161d"/>
${rows.map(lineOf).join('\n')}
</svg>
`;
}

/** What differs from run to run: its id, head and time, and how many entries a slow machine adds. */
const steady = (text) =>
  text
    .replace(/\b\d{8}-\d{6}-\w{4}\b/g, '20261127-220000-k3md')
    .replace(/#+(?=\S*\] {2}\S*2 of 2 {3}took)/g, '#'.repeat(81))
    .replace(/(?<=2 of 2 {3}took )[\dms]+/g, '30s')
    .replace(/\b\d+ entries, head [0-9a-f]{64}/g, `74 entries, head ${'3f5a9c0e'.repeat(8)}`);

const picture = draw(screenOf(steady(record())));
if (!process.argv.includes('--check')) writeFileSync(file, picture);
else {
  const [there, now] = [readFileSync(file, 'utf8'), picture].map((text) => text.split('\n'));
  const index = now.findIndex((line, at) => line !== there[at]);
  if (index >= 0 || there.length !== now.length) {
    process.stderr.write(
      `docs/run.svg is not fresh; run \`npm run picture\`. Now:\n${now[index] ?? '(fewer lines)'}\n`,
    );
    process.exitCode = 1;
  }
}
