// The HTML report of a run: one file that needs nothing else. The page draws it where scripts run;
// elsewhere a summary and a table are what is read. The script comes first and hides these, since a
// browser takes seconds to lay out thousands of rows.
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { HostRow, RunView } from '../../core/view/model.ts';
import { harmless } from '../../model/text/printable.ts';
import { duration } from '../units.ts';
import { outcome, spaced } from './outcome.ts';
import { phaseWords, statuses, statusWords } from './words.ts';

export interface HtmlReport {
  readonly view: RunView;
  readonly entries: number;
  /** Hash of the last entry. */
  readonly head: string;
  /** The lines of the journal, to be kept in the report. */
  readonly journal?: string;
  /** The page: its script and its style. */
  readonly page: { readonly script: string; readonly style: string };
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Any text as text of HTML, also in an attribute. */
const text = (value: string): string =>
  harmless(value).replace(/[&<>"']/g, (char) => escapes[char] ?? '');

const hashOf = (content: string): string =>
  `'sha256-${createHash('sha256').update(content).digest('base64')}'`;

const packed = (content: string): string => gzipSync(content).toString('base64');

/** Without the tag that would end it. */
const inScript = (script: string): string => script.replaceAll('</script', '<\\/script');

/** Data that no text in it can end. */
const dataScript = (id: string, content: string): string =>
  `<script type="application/json" id="${id}">"${packed(content)}"</script>`;

export function reportHtml({ view, entries, head, journal, page }: HtmlReport): string {
  const script = inScript(page.script);
  const data = JSON.stringify({ view, evidence: { entries, head } });
  const policy = `default-src 'none'; script-src ${hashOf(script)}; style-src ${hashOf(page.style)}; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width">
<title>${text(view.head.play)} – ${text(view.head.run)}</title>
<style>${page.style}</style>
</head>
<body>
<div id="page"></div>
<script>${script}</script>
<div id="static"><main>
${summary(view).join('\n')}
<p>Journal: ${entries} entries, head <code>${text(head)}</code>. Check: <code>kmend audit verify ${text(view.head.run)} --head ${text(head)}</code></p>
<table class="hosts">
<thead><tr>${columns.map((column) => `<th scope="col">${column}`).join('')}</thead>
<tbody>
${view.hosts.map((row) => `<tr>${cells(row, view).map(text).join('<td>').replace(/^/, '<td>')}`).join('\n')}
</table>
</main></div>
${dataScript('data', data)}
${journal === undefined ? '' : dataScript('journal', journal)}
</body>
</html>
`;
}

const columns = ['host', 'zone', 'was', 'remedy', 'state', 'took', 'proof, or why not'];

const utc = (at: number): string =>
  `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

function summary({ head }: RunView): readonly string[] {
  const counts = statuses
    .filter((status) => head.counts[status] > 0)
    .map((status) => `${head.counts[status]} ${statusWords[status].word}`);
  return [
    `<h1>${text(head.play)}</h1>`,
    `<p>run <code>${text(head.run)}</code>, ${text(head.playbook)}, by ${text(head.by)}, ${text(head.tool)}</p>`,
    `<p>${utc(head.startedAt)} to ${utc(head.lastAt)}, ${duration((head.lastAt - head.startedAt) / 1000)}</p>`,
    `<p><b>${phaseWords[head.phase].word}</b>${head.exit === undefined ? '' : ` (exit ${head.exit})`}: ${counts.join(', ')}</p>`,
    ...(head.why === undefined ? [] : [`<p>${text(head.why)}</p>`]),
    ...head.needs.map(
      (need) =>
        `<p>${text(need.text)}${need.command === undefined ? '' : `: <code>${text(need.command)}</code>`}</p>`,
    ),
  ];
}

/** The cells of a host, as texts. */
function cells(row: HostRow, view: RunView): readonly string[] {
  const { startedAt, endedAt } = row;
  return [
    row.host,
    view.zones[row.zone]?.name ?? '',
    spaced(row.before),
    row.remedy ?? '',
    statusWords[row.status].word,
    startedAt === undefined || endedAt === undefined ? '' : duration((endedAt - startedAt) / 1000),
    outcome(row),
  ];
}
