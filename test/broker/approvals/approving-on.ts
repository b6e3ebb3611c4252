import { onTestFinished } from 'vitest';
import { unlistedRun } from '../../../src/broker/agent-runs/unlisted-run.ts';
import type { Caller } from '../../../src/broker/contract.ts';
import type { Answer } from '../../../src/broker/approvals/approval.ts';
import type { Database } from '../../../src/durable/database/contract.ts';
import { arrange, as, refusalOf, settle } from '../arrange.ts';

const people = {
  ann: { notify: ['ops'], reveal: ['glass'] },
  bo: { notify: ['ops', 'phone'] },
  cy: { notify: ['elsewhere'] },
};

/** policy.yaml in which `codex` may have all that the rules are about. */
function policyWith(...approve: readonly object[]): string {
  const codex = { allow: ['**'], flows: ['*', 'make-login'], approve };
  const other = { allow: ['**'], flows: ['*'], approve };
  return JSON.stringify({ approvers: people, agents: { codex, other } });
}

/** For break-glass: a code, the user that it is for, and a password, which is no one's to see. */
const glass = `description: The way in
environments: [development]
break-glass: { close: glass-close, notify: [ops] }
inputs: { door: { type: enum, values: [front, back], default: front, description: which } }
steps:
  - { id: password, uses: vault/read, with: { reference: op://Agents/Glass/password } }
  - { id: code, uses: totp/code, with: { reference: op://Agents/Glass/one-time password } }
output: { username: admin, password: "\${{ steps.password }}", code: "\${{ steps.code }}" }
`;
const close = `description: The lock is another
steps:
  - { id: login, uses: vault/create-login, with: { vault: Agents, title: Changed, username: x, password: { length: 20 } } }
output: \${{ steps.login.item }}
`;

/** A broker whose approvals are in this database, and people who answer. */
export async function approvingOn(database: Database, ...rules: readonly object[]) {
  const stand = await arrange({
    files: { 'policy.yaml': policyWith(...rules), 'glass.yaml': glass, 'glass-close.yaml': close },
    approvals: {
      database: () => Promise.resolve(database),
      installation: 'test',
      address: () => 'http://localhost:7700',
    },
  });
  const { approvals } = stand.broker;
  if (approvals === undefined) throw new TypeError('no approvals');
  const ledger = await approvals.ledger();
  onTestFinished(() => stand.broker.close());
  return {
    ...stand,
    database,
    approvals,
    ledger,
    rewriteRules: (...changed: readonly object[]) => stand.rewrite({ policy: policyWith(...changed) }),
    /** what the agent is told to wait for */
    async asked(request: Promise<unknown>): Promise<string> {
      const refusal = await refusalOf(request);
      if (refusal.approval === undefined) throw refusal;
      return refusal.approval.id;
    },
    /** a person answers, as the page does once the passkey was checked */
    async answer(id: string, approver: string, change: Partial<Answer> = {}) {
      const found = await ledger.find(id);
      if (found === undefined) throw new TypeError(id);
      const { scope, uses, lasts } = found;
      return ledger.answer(id, { approver, decision: 'approve', scope, uses, lasts, ...change });
    },
    /** until a request has been asked for */
    async waiting() {
      for (;;) {
        const [first] = await ledger.list({ states: ['pending'] });
        if (first !== undefined) return first;
        await settle();
      }
    },
  };
}

export const codex = (more: Partial<Caller> = {}) => as('codex', more);
export const inRun = (run: string, root = 'root', more: Partial<Caller> = {}) =>
  codex({ agentRun: { ...unlistedRun(run), root }, ...more });
