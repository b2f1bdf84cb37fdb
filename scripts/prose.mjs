// `npm run prose`: finds words that this project does not use, because the field has a better one (docs/language.md has the table).
// It reads comments, texts and names alike: `throughTheDoor` is read as "through the door". Exit 1 when it has found any.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What is not said, and what is said instead. Whole words, in any case. */
const words = [
  ['(?:bad ends?|(?:end|ends|ended|ending|go|goes|gone|went) badly)', 'failure, failed'],
  ['look(?:s|ed|ing)? at', 'read, check, acknowledge'],
  ['words? (?:to a run|about)', 'control command'],
  ['(?:take|takes|taken|taking|took|way|ways) back', 'roll back, rollback'],
  ['mend(?:s|ed|ing)?', 'fix, remediate'],
  ['(?:give|gives|given|giving|gave) back', 'uncordon, return to service'],
  ['(?:tell|tells|told|telling)', 'report, print, say'],
  ['mistakes?', 'error, diagnostic'],
  ['troubles?', 'error'],
  ['strangers?', 'unknown name'],
  ['bells?', 'wake-up'],
  ['doors?', 'perform, effect context'],
  ['(?:spoil|spoils|freshen|freshens)', 'invalidate, refresh'],
  ['stand ?ins?', 'emulated tool'],
  ['deeds', 'changes'],
  ['(?:patience|patiently)', 'retry, time limit'],
  ['fresh looks?', 're-check'],
  ['ledgers?', 'run log'],
  ['cut short', 'interrupted, truncated'],
];

/** Places where such a word is right: a name that users rely on, or another meaning. */
const allowed = [
  // The name of a method of re2js.
  { file: /^src\/expression\/regex\/index\.ts$/, line: /'lookingAt'/ },
  // A field of `kmend drift --json`.
  {
    file: /^(?:src\/core\/history\/drift-report|src\/screens\/hosts\/drift-text|test\/cli-commands\/drift\.test|test\/screens\/texts\.test)\.ts$/,
    line: /\bmended\b/,
  },
  // A key of saved plans.
  { file: /^src\/app\/session\/inputs\.ts$/, line: /`way back of \$/ },
];

/** Names as words; `\n` of a text is no letter of the next word. */
const spelled = (text) =>
  text
    .replace(/\\n/g, ' ')
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/[_-]/g, ' ');
const patterns = words.map(([pattern, say]) => ({
  pattern: new RegExp(`\\b${pattern}\\b`, 'gi'),
  say,
}));

const files = execFileSync(
  'git',
  ['ls-files', 'src', 'practice', 'page', 'bin', 'bench', 'scripts', 'test', 'docs', '*.md'],
  { encoding: 'utf8' },
)
  .split('\n')
  .filter(
    (file) =>
      /\.(?:ts|mjs|sh|awk|md)$/.test(file) &&
      !/^test\/(?:fixtures|recorded|expression\/ref)|^scripts\/prose\.mjs$|^docs\/language\.md$/.test(
        file,
      ),
  );

let found = 0;
for (const file of files) {
  for (const [index, line] of readFileSync(file, 'utf8').split('\n').entries()) {
    const text = spelled(line);
    for (const { pattern, say } of patterns)
      for (const [word] of text.matchAll(pattern)) {
        if (allowed.some((one) => one.file.test(file) && one.line.test(line))) continue;
        found += 1;
        process.stdout.write(`${file}:${index + 1}: "${word}" - say: ${say}\n`);
      }
  }
}
process.stdout.write(found === 0 ? 'prose: all fine\n' : `prose: ${found} found\n`);
process.exitCode = found === 0 ? 0 : 1;
