import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isWithin } from '../../../src/broker/agent-runs/narrowing.ts';
import { unlistedRun } from '../../../src/broker/agent-runs/unlisted-run.ts';
import type { Caller, NarrowedRun } from '../../../src/broker/contract.ts';
import { createPermission, type Permission } from '../../../src/broker/permission.ts';
import type { AgentPolicy, Policy } from '../../../src/folder/policy/policy.ts';
import { allReferences } from './all-references.ts';

const parts = ['a', 'b', 'c'];
const names = parts.flatMap((first) => [first, ...parts.map((second) => `${first}.${second}`)]);
const pattern = fc.constantFrom(...names, '*', '**', 'a.*', '*.b', 'a**', 'b.*', '*.*', 'c*');
const agents = ['one', 'two'];

const line = (text: string) => ({ text, location: 'policy.yaml:1:1' });
const agent = (name: string) =>
  fc
    .record({ allow: fc.array(pattern, { maxLength: 4 }), deny: fc.array(pattern, { maxLength: 2 }) })
    .map(({ allow, deny }): [string, AgentPolicy] => [
      name,
      {
        name,
        tokens: [],
        trust: [],
        flows: [],
        allow: allow.map(line),
        deny: deny.map(line),
        maxTtl: undefined,
        rate: undefined,
        requireReason: false,
      },
    ]);
const policies = fc.tuple(...agents.map(agent)).map((all): Policy => ({ agents: new Map(all) }));
const run = fc.record({
  agent: fc.constantFrom(...agents),
  allow: fc.option(fc.array(pattern, { minLength: 1, maxLength: 3 }), { nil: undefined }),
});
const chains = fc.array(run, { minLength: 1, maxLength: 5 });

function permissionOf(policy: Policy): Permission {
  const app = {
    folder: { flows: new Map() },
    environment: () => ({ name: 'test' }),
  } as unknown as Parameters<typeof createPermission>[0];
  const registry = { secrets: allReferences(names) };
  const rates = { take: () => 0, wait: () => 0 } as unknown as Parameters<typeof createPermission>[2];
  return createPermission(app, { current: () => ({ policy, registry }) }, rates);
}

function callerOf(chain: readonly NarrowedRun[]): Caller {
  const [run] = chain;
  const agentRun = { ...unlistedRun(run?.run ?? ''), root: chain.at(-1)?.run ?? '', chain };
  return { agent: run?.agent ?? '', by: 'agent-run', agentRun, request: 'r', address: 'socket' };
}

const has = (permission: Permission, caller: Caller, name: string): boolean => {
  try {
    permission.secrets(caller, [name]);
    return true;
  } catch {
    return false;
  }
};

describe('narrowing', () => {
  it('never gives a child what its parent does not have, whatever the policy and the lists', () => {
    let given = 0;
    fc.assert(
      fc.property(policies, chains, fc.constantFrom(...names), (policy, runs, name) => {
        const permission = permissionOf(policy);
        const chain = runs.map((each, index) => ({ ...each, run: `ar-${index}` }));
        if (!has(permission, callerOf(chain), name)) return;
        given += 1;
        for (let above = 1; above < chain.length; above += 1)
          expect(has(permission, callerOf(chain.slice(above)), name)).toBe(true);
        for (const { agent, allow } of chain) {
          const alone: Caller = { agent, by: 'token', request: 'r', address: 'socket' };
          expect(has(permission, alone, name)).toBe(true);
          expect(isWithin({ allow }, name)).toBe(true);
        }
      }),
      { numRuns: 10_000 },
    );
    // else nothing was looked at
    expect(given).toBeGreaterThan(200);
  });

  it('asks each pattern of a list, and takes none at all as no list', () => {
    expect(isWithin({ allow: undefined }, 'a.b')).toBe(true);
    expect(isWithin({ allow: [] }, 'a.b')).toBe(false);
    expect(isWithin({ allow: ['c', 'a.*'] }, 'a.b')).toBe(true);
    expect(isWithin({ allow: ['a.*'] }, 'a.b.c')).toBe(false);
  });
});
