import { dirname } from 'node:path';
import type { AuditLine } from '../../../audit/read-trail.ts';
import { checkIssuerDecision, type SignInProblem } from '../../../broker/people/issuer-decision.ts';
import { checkDecision, type DecisionProblem, type PasskeyDecision } from '../../../foundation/approval-statement.ts';
import { errorCodes, FlowError, oneLine } from '../../../foundation/errors.ts';
import type { KnownPasskey } from '../../../foundation/passkey.ts';
import { readPolicy } from '../../../folder/policy/read-policy.ts';
import type { Policy } from '../../../folder/policy/policy.ts';
import { openYaml } from '../../../language/yaml-file.ts';
import type { Terminal } from '../terminal.ts';

/** A decision on a trail that is not what its line says, or that cannot be told. */
interface Doubt {
  readonly seq: number;
  readonly at: string;
  readonly approval: string | undefined;
  readonly approver: string | undefined;
  readonly problem: DecisionProblem | SignInProblem | 'line' | 'software';
}

const words: Partial<Readonly<Record<Doubt['problem'], string>>> = {
  'unknown-key':
    'signed with a key that policy.yaml does not have: if it was taken out since, name an older file: --policy',
  software: 'signed by a software key, which proves nobody: only the laptop has one',
  line: 'the line says something else than what was signed',
  issuer: 'an issuer that policy.yaml does not trust for them: if it was taken out since, name an older file: --policy',
  subject: 'the sign-in is that of somebody else than policy.yaml says',
  nonce: 'the sign-in was made for something else',
  'auth-time': 'the sign-in is older than the question',
};

/**
 * Whether each decision on a trail was signed by whom it names, with a key of policy.yaml, or by an issuer that it trusts
 * for them: without the broker, and without the issuer.
 * @param file of policy.yaml, or an older one of it
 * @param laptop whether a software key may have answered, which is in no file
 * @returns 73 where one was not, or cannot be told
 */
export async function verifyApprovals(
  lines: AsyncIterable<AuditLine>,
  { file, laptop }: { readonly file: string; readonly laptop: boolean },
  terminal: Terminal,
  json: boolean,
): Promise<number> {
  const { approvers } = policyIn(file);
  const doubts: Doubt[] = [];
  let [good, software, issued, unsigned] = [0, 0, 0, 0];
  for await (const line of lines) {
    const { seq, at, approval, approver, signed, action } = line;
    if (!/^(?:approval\.(?:approved|denied|counter)|break-glass\.revealed)$/.test(action)) continue;
    if (signed === undefined) {
      // what was revealed to nobody was signed by nobody
      if (action !== 'break-glass.revealed') unsigned += 1;
      else if (line.outcome === 'allowed') doubts.push({ seq, at, approval, approver, problem: 'line' });
      continue;
    }
    const byIssuer = 'idToken' in signed;
    const soft = !byIssuer && signed.credential.software === true;
    const found = byIssuer
      ? await checkIssuerDecision(signed, (name) => approvers?.get(name)?.trust ?? [], Date.parse(at))
      : checkDecision(signed, (name) => (soft ? [ownKey(signed)] : (approvers?.get(name)?.passkeys ?? [])));
    const said =
      'problem' in found ? found.problem : saysTheSame(line, found.statement, signed.bound) ? undefined : 'line';
    const problem = said ?? (soft && !laptop ? 'software' : undefined);
    if (problem === undefined && byIssuer) issued += 1;
    else if (problem === undefined && soft) software += 1;
    else if (problem === undefined) good += 1;
    else doubts.push({ seq, at, approval, approver, problem });
  }
  if (json) terminal.out(`${JSON.stringify({ signed: good, issued, software, unsigned, doubts })}\n`);
  else {
    const verdict = doubts.length === 0 ? terminal.paint('green', 'ok') : terminal.paint('red', 'not as they say');
    const others = [
      ...(software === 0 ? [] : [`, ${software} by a software key of the laptop, which proves nobody`]),
      ...(issued === 0 ? [] : [`, ${issued} by a sign-in for it, which its issuer alone signed`]),
      ...(unsigned === 0 ? [] : [`, ${unsigned} by the operator, which nobody signed`]),
    ];
    terminal.out(`approvals: ${verdict}: ${good} signed by a passkey of policy.yaml${others.join('')}\n`);
    for (const { seq, at, approval = '', approver = '', problem } of doubts)
      terminal.out(
        `  line ${seq}, ${oneLine(at)}: ${oneLine(approval)} of ${oneLine(approver)}: ${words[problem] ?? problem}\n`,
      );
  }
  return doubts.length === 0 ? 0 : errorCodes.conflict.exit;
}

const decisions: Readonly<Record<string, string>> = {
  'approval.approved': 'approve',
  'approval.denied': 'deny',
  'break-glass.revealed': 'reveal',
};

function saysTheSame(
  line: AuditLine,
  said: { approval: string; approver: string; decision: string },
  bound: string,
): boolean {
  const { approval, approver, action } = line;
  const decided = decisions[action] ?? said.decision;
  const same = approval === said.approval && approver === said.approver && decided === said.decision;
  return same && (decided !== 'reveal' || isBound(line, JSON.parse(bound) as Revealed));
}

interface Revealed {
  readonly for?: string;
  readonly what?: readonly { readonly name?: string }[];
  readonly reason?: string;
}

/** What was revealed has no line of its own that tells what was asked for. */
function isBound({ approver, what, reason }: AuditLine, bound: Revealed): boolean {
  return bound.for === approver && bound.what?.[0]?.name === what[0] && bound.reason === reason;
}

/** A software key ends with its process: that its decision is whole is all that can be told. */
function ownKey({ credential: { id, publicKey } }: PasskeyDecision): KnownPasskey {
  return { id, publicKey, algorithm: 'ES256', synced: false };
}

function policyIn(file: string): Policy {
  const { root, source, problems } = openYaml(file);
  const policy = root === undefined ? undefined : readPolicy(root, source).policy;
  if (policy !== undefined && problems().length === 0) return policy;
  throw new FlowError('invalid', `${file} is no policy that can be read`, {
    hint: `see flows check --dir ${dirname(file)}`,
  });
}
