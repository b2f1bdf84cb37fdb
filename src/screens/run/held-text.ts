// Lines below a table of hosts: which of them a run has not given back, with the command that ends
// it, and which are one machine.
import { type Held, isOrphan, type Twins, twinsText } from '../../core/history/orphans.ts';
import { fold, type Paint } from '../layout.ts';

export function heldLines(
  held: readonly Held[],
  twins: readonly Twins[],
  width: number,
  paint: Paint,
): readonly string[] {
  const line = (text: string, isBad: boolean): readonly string[] =>
    fold(text, Math.max(30, width - 2), 2).map(
      (part, index) => (index === 0 ? '' : '  ') + (isBad ? paint.red(part) : paint.yellow(part)),
    );
  return [
    ...held.flatMap((one) => line(`${one.host}: ${one.why} (${one.hint})`, isOrphan(one))),
    ...twins.flatMap((group) => line(twinsText(group), group.by === 'boot')),
  ];
}
