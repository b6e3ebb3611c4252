import type { NoticeFacts } from '../../src/adapters/channels/contract.ts';

export const facts: NoticeFacts = {
  type: 'approval.opened',
  environment: 'production',
  agent: 'codex',
  names: ['stripe.live_key'],
  approval: 'a-1',
  agentRun: 'r-7',
  expires: 1_764_432_600_000,
  url: 'https://flows.example/#/approvals/a-1',
  claimed: { reason: 'refund order 7' },
};
export const at = 1_764_432_000_000;

/** What an agent may try to write where people read. */
export const hostile: NoticeFacts = {
  ...facts,
  claimed: {
    reason: `<!channel> <https://evil.example|Approve> \u202Eevil\u2066 *now* \u001B[2J\r\n::error::x & "q" \u0000${'<'.repeat(300)}`,
    run: 'run\n<@U123>',
  },
};
