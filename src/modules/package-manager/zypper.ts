// Steps for zypper. A model from its documentation and sources (zypper(8), zypp/zypper src/main.h), not measured on SUSE.
import { quote } from '../../model/text/quote.ts';
import type { Step } from './choose.ts';

/**
 * `NAME=EVR` names one version, `!NAME` takes one away in the same transaction; `--oldpackage` lets it go back. Without an answer the solver
 * gives up (4) rather than choose. 100 to 103 and 106 are no errors (updates, a reboot or a restart are advised, a repository was passed over);
 * 107: the packages are there, and a script of theirs failed.
 */
export function zypperRun(steps: readonly Step[], more = ''): string {
  if (steps.every((step) => step.kind === 'remove')) return `bounded rpm -e ${steps.map((step) => quote(step.name)).join(' ')}; rc=$?\n`;
  const specs = steps.map((step) => quote(step.kind === 'remove' ? `!${step.name}` : `${step.name}=${step.to}`)).join(' ');
  const back = steps.some((step) => step.kind === 'downgrade') ? ' --oldpackage' : '';
  return `bounded zypper --non-interactive --quiet install --auto-agree-with-licenses${more}${back} ${specs}; rc=$?
script=0
case $rc in
  100|101|102|103|106) rc=0;;
  107) rc=0 script=1;;
  4) echo 'zypper (4): no solution without changing other packages' >> "$log";;
  104) echo 'zypper (104): no enabled repository has that version' >> "$log";;
esac
`;
}
