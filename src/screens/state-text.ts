// What was found about the database of the state, as lines.

interface Finding {
  readonly level: 'fine' | 'warning' | 'failed';
  readonly text: string;
  readonly hint?: string;
}

export const stateLines = ({
  findings,
}: {
  readonly findings: readonly Finding[];
}): readonly string[] =>
  findings.map(({ level, text, hint }) => {
    const mark = level === 'fine' ? '' : `${level}: `;
    return `${mark}${text}${hint === undefined ? '' : ` (${hint})`}`;
  });
