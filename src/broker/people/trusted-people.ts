import { agentWithoutRights, type Policy } from '../../folder/policy/policy.ts';
import { createWorkloads, type WorkloadOptions } from '../authentication/workload-identity.ts';

/**
 * Who somebody is whose issuer policy trusts: the `trust:` of approvers is looked at as that of agents is, and proves a
 * person instead. @returns the approver's name, or undefined
 */
export function createTrustedPeople(options: WorkloadOptions): (token: string) => Promise<string | undefined> {
  let known: { readonly from: Policy; readonly people: Policy } | undefined;
  const workload = createWorkloads({
    ...options,
    policy() {
      const from = options.policy();
      if (known?.from !== from) known = { from, people: peopleOf(from) };
      return known.people;
    },
  });
  return async (token) => {
    const found = await workload(token);
    return 'agent' in found ? found.agent : undefined;
  };
}

function peopleOf({ approvers = new Map() }: Policy): Policy {
  const people = [...approvers].map(([name, { trust }]) => [name, { ...agentWithoutRights(name), trust }] as const);
  return { agents: new Map(people) };
}
