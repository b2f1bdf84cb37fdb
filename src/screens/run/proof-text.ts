// A proof in one line, for all outputs.
import type { Proof } from '../../model/run/change.ts';

/**
 * `off (samples): EIO on 17 of 17`; `on, proven in part (samples): docker's containers: off; ...`.
 */
export function proofText({ verdict, by, evidence, accepted }: Proof): string {
  const part = accepted === undefined || by === 'none' ? '' : ', proven in part';
  return `${verdict}${part} (${by.replace('_', ' ')}): ${evidence}`;
}

/** ` (left open: kubelet 1.12.3)`; empty where nothing was accepted. */
export const leftOpenText = (accepted: Proof['accepted']): string =>
  accepted === undefined ? '' : ` (left open: ${accepted.map(({ name }) => name).join(', ')})`;
