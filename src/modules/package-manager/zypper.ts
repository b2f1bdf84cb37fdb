// Steps for zypper, by its documentation and sources (zypper(8), zypp/zypper src/main.h); not
// measured on SUSE.
import { quote } from '../../model/text/quote.ts';
import { scriptText } from '../../model/text/script-text.ts';
import type { Step } from './choose.ts';
import zypper from './scripts/zypper.sh';

/**
 * `NAME=EVR` is one version, `!NAME` removes one in the same transaction. `--oldpackage` allows a
 * downgrade.
 */
export function zypperRun(steps: readonly Step[], more = ''): string {
  if (steps.every((step) => step.kind === 'remove'))
    return `bounded rpm -e ${steps.map((step) => quote(step.name)).join(' ')}; rc=$?\n`;
  const specs = steps
    .map((step) => quote(step.kind === 'remove' ? `!${step.name}` : `${step.name}=${step.to}`))
    .join(' ');
  const back = steps.some((step) => step.kind === 'downgrade') ? ' --oldpackage' : '';
  return scriptText(zypper, { more, back, specs });
}
