// Verdict, remedy and proof of every state, the laws that hold in all of them, and that each rule
// of the verdict is needed by one of them.
import { describe, expect, it } from 'vitest';
import { derive } from '../../src/facts/index.ts';
import { type Creator, creatorByKey } from '../../src/facts/kmem/creators.ts';
import { groupIds } from '../../src/facts/kmem/ids.ts';
import { remedyRules, treat } from '../../src/facts/kmem/remedy.ts';
import { readSituation } from '../../src/facts/kmem/situation.ts';
import { judge, proofOf, verdictRules } from '../../src/facts/kmem/verdict.ts';
import { witnessRules } from '../../src/facts/kmem/witnesses.ts';
import { type Facts, known } from '../../src/model/fact.ts';
import type { Program } from './model-hosts.ts';
import { states } from './states.ts';

describe('a host', () => {
  it.each(states)('$name', ({ facts, expected, says }) => {
    const judged = derive(facts);
    const words = `${String(judged['kmem.evidence'])}; ${String(judged['kmem.remedy_why'])}`;
    const said = (['kmem.verdict', 'kmem.remedy', 'kmem.proof'] as const)
      .map((name) => String(judged[name]))
      .join(' ');
    expect(`${said} (${words})`).toBe(`${expected} (${words})`);
    if (says !== undefined) expect(words).toMatch(says);
    expect(derive(judged), 'derived again, nothing changes').toEqual(judged);
  });

  it('has a name of its own', () =>
    expect(new Set(states.map(({ name }) => name)).size).toBe(states.length));
});

// ---- laws: by the truth about the programs, not by what the code thinks of them ----

const makers: Readonly<Record<Program['part'], readonly Creator[]>> = {
  kubelet: ['kubelet'],
  docker: ['docker', 'runtime'],
  containerd: ['containerd', 'runtime'],
  'cri-o': ['cri-o'],
  podman: ['podman'],
  custom: [],
};

/**
 * A group that this program would have had accounted if it asked, and that is not; or a container
 * that was started through it.
 */
function hasWitness({ part, facts: own }: Program, facts: Facts): boolean {
  const group = known(facts, 'kmem.witnesses', []).some(({ row, state, limited }) => {
    const { creator, manager } = creatorByKey(String(row));
    return (
      makers[part].includes(creator) &&
      manager === 'cgroupfs' &&
      state === 'eio' &&
      limited === 'yes'
    );
  });
  const names = [
    part,
    ...(['docker.runtimes', 'containerd.runtimes'] as const).flatMap((list) =>
      known(own, list, []).map(({ name }) => name),
    ),
  ];
  return (
    group ||
    known(facts, 'kmem.started', []).some(
      ({ runtime, answer }) => names.includes(String(runtime)) && answer === 'off',
    )
  );
}

const mayAsk = ({ asks }: Program): boolean => asks !== 'no';

describe('in every state', () => {
  it.each(states)('$name', ({ programs, facts }) => {
    const {
      'kmem.verdict': verdict,
      'kmem.remedy': remedy,
      'kmem.proof': proof,
      ...rest
    } = derive(facts);
    const readsOn = known(facts, 'kmem.witnesses', []).some(({ state }) => state === 'read');
    const argument = /nokmem/.test(String(facts['boot.cmdline']));
    if (verdict === 'off') {
      expect(readsOn, 'nothing reads on').toBe(false);
      if (facts['kmem.active_probe'] !== 'off')
        for (const program of programs.filter(mayAsk))
          expect(hasWitness(program, facts), `${program.part} has a witness`).toBe(true);
    }
    if (verdict === 'off' || verdict === 'not_applicable')
      expect(
        remedy === 'none' ||
          (remedy === 'reboot' && Number(facts['kmem.dead_groups']) > groupIds / 10),
        'no needless remedy',
      ).toBe(true);
    if (verdict === 'on' || verdict === 'leaking')
      expect(remedy, 'accounting that is on is never left without an answer').not.toBe('none');
    if (
      !programs.some(mayAsk) &&
      !readsOn &&
      Number(rest['kmem.slab_entries']) === 0 &&
      verdict !== 'at_risk' &&
      facts['kmem.active_probe'] !== 'on'
    )
      expect(remedy, 'nobody asks, nothing was accounted').toBe('none');
    if (proof === 'samples' && argument && verdict === 'off')
      expect(
        programs.some((program) => mayAsk(program) && hasWitness(program, facts)),
        'with the argument set, only a program that asks proves it',
      ).toBe(true);
  });
});

// ---- each rule is needed ----

const answers = (
  facts: Facts,
  rules = witnessRules,
  verdicts = verdictRules,
  remedies = remedyRules,
): string => {
  const situation = readSituation(facts, rules);
  const { verdict, evidence } = judge(situation, verdicts);
  const { remedy, why } = treat(situation, remedies);
  return [verdict, evidence, remedy, why, proofOf(situation)].join(' | ');
};
const without = <T>(list: readonly T[], one: T): readonly T[] =>
  list.filter((other) => other !== one);

describe('without this rule some state is judged otherwise', () => {
  const now = states.map(({ facts }) => answers(facts));
  const turnsRed = (change: (facts: Facts) => string): boolean =>
    states.some(({ facts }, index) => change(facts) !== now[index]);

  it.each(verdictRules.map((rule) => [rule.name, rule] as const))('verdict: %s', (_, rule) =>
    expect(turnsRed((facts) => answers(facts, witnessRules, without(verdictRules, rule)))).toBe(
      true,
    ),
  );
  it.each(remedyRules.map((rule) => [rule.name, rule] as const))('remedy: %s', (_, rule) =>
    expect(
      turnsRed((facts) => answers(facts, witnessRules, verdictRules, without(remedyRules, rule))),
    ).toBe(true),
  );
  it.each(witnessRules.map((rule) => [rule.name, rule] as const))('witness: %s', (_, rule) =>
    expect(turnsRed((facts) => answers(facts, without(witnessRules, rule)))).toBe(true),
  );
});
