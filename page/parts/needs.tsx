// What only an operator can end, and why hosts did not end well.
import type { HostRow, Need, RowStatus } from '../../src/core/view/model.ts';
import { count } from '../text.ts';
import { type Ask, NeedButtons } from './controls.tsx';
import { Command, Section, Status } from './section.tsx';

const mostNeeds = 6;

interface NeedsInput {
  readonly needs: readonly Need[];
  /** Absent where this reader may not steer. */
  readonly ask: Ask | undefined;
}

export function Needs({ needs, ask }: NeedsInput) {
  if (needs.length === 0) return null;
  const [shown, more] = [needs.slice(0, mostNeeds), needs.slice(mostNeeds)];
  return (
    <Section id="needs" title="Needs you" aside={count(needs.length)}>
      <NeedList needs={shown} ask={ask} />
      {more.length > 0 && (
        <details>
          <summary>{count(more.length)} more</summary>
          <NeedList needs={more} ask={ask} />
        </details>
      )}
    </Section>
  );
}

const NeedList = ({ needs, ask }: NeedsInput) => (
  <ul class="needs">
    {needs.map((need) => (
      <li key={`${need.kind} ${need.host ?? ''} ${need.text}`}>
        <p>
          {need.host !== undefined && <b class="host">{need.host}</b>} {need.text}
        </p>
        <div class="act">
          {need.command !== undefined && <Command text={need.command} />}
          {ask !== undefined && <NeedButtons need={need} ask={ask} />}
        </div>
      </li>
    ))}
  </ul>
);

export interface Group {
  readonly status: RowStatus;
  readonly kind: string;
  readonly text: string;
  readonly hint?: string;
  readonly hosts: readonly string[];
}

const order: readonly RowStatus[] = ['failed', 'refused', 'left_out'];

/** Hosts with the same reason together: failed ones first, the largest group first. */
export function groupsOf(rows: readonly HostRow[]): readonly Group[] {
  const groups = new Map<string, Group & { readonly hosts: string[] }>();
  for (const { host, status, reason } of rows) {
    if (reason === undefined || !order.includes(status)) continue;
    const { kind, text, hint } = reason;
    const key = JSON.stringify([status, kind, text]);
    const group = groups.get(key) ?? {
      status,
      kind,
      text,
      ...(hint === undefined ? {} : { hint }),
      hosts: [],
    };
    group.hosts.push(host);
    groups.set(key, group);
  }
  return [...groups.values()].toSorted(
    (a, b) => order.indexOf(a.status) - order.indexOf(b.status) || b.hosts.length - a.hosts.length,
  );
}

const mostNames = 6;
const mostGroups = 8;

interface GroupsInput {
  readonly groups: readonly Group[];
  readonly find: (text: string) => void;
}

export function Groups({ groups, find }: GroupsInput) {
  const hosts = groups.reduce((sum, group) => sum + group.hosts.length, 0);
  const more = groups.slice(mostGroups);
  return (
    <Section id="reasons" title="Not done, and why" aside={count(hosts)}>
      {groups.length === 0 && <p class="quiet">No host failed, was refused or left out.</p>}
      <GroupList groups={groups.slice(0, mostGroups)} find={find} />
      {more.length > 0 && (
        <details>
          <summary>{count(more.length)} more reasons</summary>
          <GroupList groups={more} find={find} />
        </details>
      )}
    </Section>
  );
}

const GroupList = ({ groups, find }: GroupsInput) => (
  <ul class="groups">
    {groups.map((group) => (
      <li key={`${group.status} ${group.kind} ${group.text}`}>
        <p>
          <Status status={group.status} />{' '}
          {group.kind !== group.status && (
            <span class="quiet">{group.kind.replaceAll('_', ' ')} </span>
          )}
          {group.text}
        </p>
        {group.hint !== undefined && <p class="quiet">{group.hint}</p>}
        <p class="names">
          {group.hosts.slice(0, mostNames).map((host) => (
            <button key={host} type="button" class="link host" onClick={() => find(host)}>
              {host}
            </button>
          ))}
          {group.hosts.length > mostNames && (
            <button type="button" class="link" onClick={() => find(group.text)}>
              and {count(group.hosts.length - mostNames)} more
            </button>
          )}
        </p>
      </li>
    ))}
  </ul>
);
