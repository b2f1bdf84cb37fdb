// The result of a drain: "drained" only where no pod is left that should have gone.

const shown = 8;

export function drainedText(left: readonly string[]): string {
  if (left.length === 0) return 'drained';
  const more = left.length > shown ? `, and ${left.length - shown} more` : '';
  return `emptied but for ${left.slice(0, shown).join(', ')}${more}`;
}
