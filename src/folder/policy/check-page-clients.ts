import { suggest } from '../../language/nearest-name.ts';
import { createSource, type Problem } from '../../language/problems.ts';
import type { Settings } from '../service/settings.ts';
import type { Policy } from './policy.ts';

/** Clients of the page, in service.yaml, by which nobody of policy.yaml signs in: a word of theirs is written otherwise. */
export function idlePageClients({ source, environments }: Settings, { approvers }: Policy): readonly Problem[] {
  // without policy.yaml nobody signs in at all
  if (source === undefined || approvers === undefined) return [];
  const { file, text, hidden } = source;
  const late = createSource(file, text);
  late.hidden.push(...hidden);
  const trusted = [...approvers.values()].flatMap(({ trust }) => trust);
  for (const { issuer, clientId, ranges } of [...environments.values()].flatMap(({ pageClients }) => pageClients)) {
    const there = trusted.filter((each) => each.issuer === issuer);
    if (there.some(({ audience }) => audience === clientId)) continue;
    const [range, word, known] =
      there.length === 0
        ? [ranges.issuer, issuer, trusted.map((each) => each.issuer)]
        : [ranges.clientId, clientId, there.map(({ audience }) => audience)];
    const hint = suggest(word, known) ?? 'it is the issuer and the audience of trust: under approvers: in policy.yaml';
    late.warn(range, `no approver signs in by the client "${clientId}" at ${issuer}`, hint);
  }
  return late.warnings;
}
