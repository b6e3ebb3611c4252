import { idpCreateUser } from '../../src/steps/idp-create-user.ts';
import { idpEnrollTotp } from '../../src/steps/idp-enroll-totp.ts';
import type { StepContext, StepPlan, WriteStepKind } from '../../src/steps/contract.ts';
import type { IdentityProvider } from '../../src/adapters/identity/contract.ts';
import type { Item, VaultItems } from '../../src/adapters/vaults/contract.ts';
import { storedSeeds } from '../../src/steps/procedures/stored-seeds.ts';
import { Reference } from '../../src/foundation/reference.ts';
import { codeAt, newOneTimePassword, oneTimePasswordUri } from '../../src/foundation/totp.ts';
import { someone, type Laptop } from './laptop.ts';

/** What tests of accounts at the laptop's Keycloak do. */
export function accountsAt(started: () => Laptop) {
  const items = (): VaultItems => {
    const found = started().vault.items;
    if (found === undefined) throw new Error('no items');
    return found;
  };
  const uri = async (account: string) => oneTimePasswordUri(await newOneTimePassword(), { issuer: 'test', account });

  /** A login item with password and one-time password, as the first two steps of a birth make it. */
  async function itemFor(username: string): Promise<Item> {
    return items().setOneTimePassword(await started().login(username), await uri(username), { previous: 'keep' });
  }

  async function birthInput(username = someone(), item?: Item, provider: IdentityProvider = started().keycloak) {
    const login = item ?? (await itemFor(username));
    return {
      provider,
      username,
      email: username,
      'given-name': 'Ada',
      'family-name': 'Example',
      password: login.reference.sibling('password'),
      'one-time-password': (await storedSeeds(login)).current?.field ?? login.reference,
      item: login.reference,
    };
  }

  type Birth = Awaited<ReturnType<typeof birthInput>>;
  type BirthToMake = Omit<Birth, 'one-time-password'> & Partial<Birth>;
  type Enrolment = Birth & { readonly renew?: boolean };

  async function create(
    { item: _item, ...input }: BirthToMake,
    context: StepContext = started().context(),
  ): Promise<string> {
    return ((await idpCreateUser.run(input, context)) as { id: string }).id;
  }

  const enrolInput = ({ username, password, item, provider, renew = false }: Enrolment, user: string) => ({
    provider,
    user,
    username,
    password,
    item,
    renew,
  });

  async function enrol(birth: Enrolment, user: string, context: StepContext = started().context()): Promise<Reference> {
    const { reference } = (await idpEnrollTotp.run(enrolInput(birth, user), context)) as { reference: Reference };
    return reference;
  }

  /** The proof that nobody is locked out: the password and the one-time password of the vault sign in. */
  async function signsIn({ username, password, item }: Pick<Birth, 'username' | 'password' | 'item'>) {
    const { clock, context, keycloak } = started();
    clock.advance(60_000);
    const { current } = await storedSeeds(await items().get(item));
    const page = await keycloak.proof.begin({ username, password: await context().read(password) });
    if (page.at !== 'one-time-code' || current === undefined) return page.at;
    const end = await page.submit(await codeAt(current.password, clock.now()));
    return end.at === 'rejected' ? `rejected: ${end.what}` : end.at;
  }

  const planOf = (kind: unknown, input: object, context = started().context()): Promise<StepPlan<unknown>> =>
    (kind as WriteStepKind).plan(input, context);

  return { items, uri, itemFor, birthInput, create, enrolInput, enrol, signsIn, planOf };
}
