import { openFolder } from '../../../app/open-folder.ts';
import { FlowError } from '../../../foundation/errors.ts';
import type { ChosenBroker } from '../chosen-broker.ts';
import { flowsFolder } from '../flows-folder.ts';

/**
 * A broker's refusal of a break-glass flow, with how a person gets it all the same who holds the vault's token: they may
 * not remember that an agent's token is exported. Of other flows it stays as it is: an agent's denial is the answer.
 */
export async function withOwnWay(refusal: unknown, name: string, dir: unknown, broker: ChosenBroker): Promise<unknown> {
  if (!(refusal instanceof FlowError)) return refusal;
  const folder = await openFolder(flowsFolder(dir)).catch(() => undefined);
  if (folder?.flows.get(name)?.breakGlass !== true) return refusal;
  const without = broker.variables.map((variable) => `-u ${variable}`).join(' ');
  const way = `an agent's token asked; ask the vault yourself: env ${without} flows ${name}`;
  return refusal.with({ hint: [way, refusal.hint].filter(Boolean).join('; ') });
}
