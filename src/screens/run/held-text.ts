// Lines below a table of hosts: which hosts a run holds, what to do, and which are one machine.
import { type Held, isOrphan, type Twins, twinsText } from '../../core/history/orphans.ts';
import { fold, type Paint } from '../layout.ts';

export function heldLines(
  held: readonly Held[],
  twins: readonly Twins[],
  width: number,
  paint: Paint,
): readonly string[] {
  const line = (text: string, isError: boolean): readonly string[] =>
    fold(text, Math.max(30, width - 2), 2).map(
      (part, index) => (index === 0 ? '' : '  ') + (isError ? paint.red(part) : paint.yellow(part)),
    );
  return [
    ...held.flatMap((one) => line(`${one.host}: ${one.why} (${one.hint})`, isOrphan(one))),
    ...twins.flatMap((group) => line(twinsText(group), group.by === 'boot')),
  ];
}
