// Area wanted: is a reboot wanted, and who says so. kmend's own reasons are in `boot.pending`.
import type { Facts } from '../../../model/fact.ts';
import { scriptText } from '../../../model/text/script-text.ts';
import { compareRpm } from '../../../model/text/versions.ts';
import type { Area } from '../../area.ts';
import { type Fields, readFields, wordsOf } from '../../fields.ts';
import wanted from './wanted.sh';

export const wantedArea: Area = {
  name: 'wanted',
  script: scriptText(wanted),
  maxBytes: 65_536,
  parse: (text): Facts => {
    const fields = readFields(text);
    const why = [...marked(fields), ...restarting(fields), ...newerKernel(fields)];
    return { 'boot.wanted.yes': why.length > 0, 'boot.wanted.why': why };
  },
};

function marked(fields: Fields): readonly string[] {
  if (!fields.has('required')) return [];
  const names = fields
    .all('pkg')
    .map((name) => name.trim())
    .filter(Boolean);
  return [
    names.length === 0
      ? '/run/reboot-required is there'
      : `/run/reboot-required: ${names.slice(0, 20).join(', ')}`,
  ];
}

/** Its lists of names are indented; the sentence decides. */
function restarting(fields: Fields): readonly string[] {
  const said = fields.all('said');
  if (!said.some((line) => line.startsWith('Reboot is required'))) return [];
  const names = said.flatMap((line) =>
    line.startsWith(' ')
      ? wordsOf(line)
          .filter((word) => word !== '*')
          .slice(0, 1)
      : [],
  );
  return [
    `needs-restarting: ${names.length === 0 ? 'a reboot is required' : names.slice(0, 20).join(', ')}`,
  ];
}

/** The letters of a release: of another build (`elrepo`, `rt`, `cloud`) none is the newer one. */
const buildOf = (release: string): string => release.replace(/[^A-Za-z]+/g, ' ');

function newerKernel(fields: Fields): readonly string[] {
  const running = fields.text('release').trim();
  const newest = fields
    .all('installed')
    .filter((release) => /^[0-9]/.test(release) && buildOf(release) === buildOf(running))
    .sort(compareRpm)
    .at(-1);
  return newest === undefined || running === '' || compareRpm(newest, running) <= 0
    ? []
    : [`kernel ${newest} is installed, ${running} runs`];
}
