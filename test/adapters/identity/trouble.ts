import type { IdentityProvider } from '../../../src/adapters/identity/contract.ts';
import { newUser } from '../../contracts/identity-provider.ts';
import type { startDoubles } from './double.ts';

type Doubles = Awaited<ReturnType<typeof startDoubles>>;
type Started = Pick<Doubles, 'idp' | 'token'> & { readonly provider: IdentityProvider };

/** Starts a double for each test, and ends it. */
export function eachWith<Given extends unknown[], Own extends { close(): unknown }>(
  start: (...given: Given) => Promise<Own>,
): (work: (started: Own) => Promise<void>, ...given: Given) => Promise<void> {
  return async (work, ...given) => {
    const started = await start(...given);
    try {
      await work(started);
    } finally {
      await started.close();
    }
  };
}

/** What is told of a look-up that is answered so. */
export async function failedLookUp(
  { provider, idp }: Started,
  fault: Parameters<Doubles['idp']['faults']['nextDouble']>[0],
): Promise<unknown> {
  idp.faults.nextDouble(fault);
  return provider.find('ada@example.com').catch((thrown: unknown) => thrown);
}

/** What is told where a provider quotes the password and the token, which are `sent`. @param bodyOf how it says it */
export async function quotedBack({ provider, idp, token }: Started, bodyOf: (quote: string) => object) {
  const given = newUser();
  const sent = [given.password.reveal(), token.reveal()];
  idp.faults.nextDouble({ status: 400, body: bodyOf(sent.join(' of ')) }, 'POST');
  const error = await provider.create(given).catch((thrown: unknown) => thrown);
  return { error, sent };
}
