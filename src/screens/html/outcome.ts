// How a host stands, in a line: for the HTML report and the page, so no Node module is used here.
import type { HostRow } from '../../core/view/model.ts';

/** A name such as `not_applicable` in words. */
export const spaced = (name: string | undefined): string => name?.replaceAll('_', ' ') ?? '';

/** That a rescue saved a host, and after what. */
export const rescuedText = ({ after, counts }: NonNullable<HostRow['rescued']>): string =>
  `rescued after ${after}${counts ? ' (counts for the brake)' : ''}`;

/** The proof of a host, or why there is none, in a line. */
export function outcome(row: HostRow): string {
  const { rescued } = row;
  return [...(rescued === undefined ? [] : [rescuedText(rescued)]), standing(row)]
    .filter((text) => text !== '')
    .join('; ');
}

function standing({ status, reason, left, doing, proof }: HostRow): string {
  if (status === 'failed' || status === 'refused' || status === 'left_out')
    return `${reason?.text ?? ''}${left === undefined ? '' : ` [left: ${left}]`}`;
  if (doing !== undefined) return doing.text;
  return proof === undefined
    ? (reason?.text ?? '')
    : `${spaced(proof.verdict)} (${spaced(proof.by)}): ${proof.evidence}`;
}
