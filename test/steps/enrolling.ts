import { FlowError } from '../../src/foundation/errors.ts';
import type { StepContext } from '../../src/steps/contract.ts';
import type { IdentityProvider } from '../../src/adapters/identity/contract.ts';
import { storedSeeds } from '../../src/steps/procedures/stored-seeds.ts';
import { idpEnrollTotp } from '../../src/steps/idp-enroll-totp.ts';
import { idpSignIn } from '../../src/steps/idp-sign-in.ts';
import type { Item, VaultItems } from '../../src/adapters/vaults/contract.ts';
import { someone, type Laptop } from './laptop.ts';

export interface Case {
  readonly username: string;
  readonly item: Item;
  readonly id: string;
}

/** What a test of enrolment does, on its laptop. */
export function enrolling(started: () => Laptop) {
  async function newCase(): Promise<Case> {
    const username = someone();
    const item = await started().login(username);
    return { username, item, id: (await started().user(item, username)).id };
  }

  function items(): VaultItems {
    const found = started().vault.items;
    if (found === undefined) throw new Error('no items');
    return found;
  }

  function inputOf({ username, item, id }: Case, provider: IdentityProvider = started().provider) {
    return { provider, user: id, username, password: item.reference.sibling('password'), item: item.reference };
  }

  async function enrol(one: Case, context: StepContext = started().context(), provider?: IdentityProvider) {
    return (await idpEnrollTotp.run(inputOf(one, provider), context)) as { reference: { toString(): string } };
  }

  async function seeds({ item }: Case) {
    return storedSeeds(await items().get(item.reference));
  }

  /** The proof that nobody is locked out: what the vault holds signs in. */
  async function signsIn(one: Case): Promise<boolean> {
    const { current } = await seeds(one);
    if (current === undefined) return false;
    const { username, item } = one;
    const input = {
      provider: started().provider,
      username,
      password: item.reference.sibling('password'),
      'one-time-password': current.field,
    };
    // another flow's, so that the enrolment's own proof does not speak for it
    await idpSignIn.run(input, started().context({ flow: 'drill' }));
    return true;
  }

  return { newCase, items, inputOf, enrol, seeds, signsIn };
}

/** `done`, or the code of the error. */
export const codeOf = async (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof FlowError ? error.code : String(error)),
  );
