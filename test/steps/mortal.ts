import type { SignInPage } from '../../src/adapters/identity/contract.ts';
import type { Vault, VaultItems } from '../../src/adapters/vaults/contract.ts';

export class Killed extends Error {}

/** Calls in order, of which the n-th is the last: the process dies after it, before it hears of it. */
export function mortal(last: number) {
  let calls = 0;
  const step = async <T>(work: () => Promise<T>): Promise<T> => {
    calls += 1;
    if (calls > last) throw new Killed();
    const result = await work();
    if (calls === last) throw new Killed();
    return result;
  };
  /** The calls to a vault's items that write or read them one by one are among them. */
  const vaultOf = (vault: Vault, items: VaultItems): Vault => ({
    ...vault,
    items: {
      ...items,
      get: (item) => step(() => items.get(item)),
      setOneTimePassword: (item, seed, options) => step(() => items.setOneTimePassword(item, seed, options)),
    },
  });
  /** So is each thing that is done on a page of a sign-in. @param seen each page */
  const pageOf = (given: SignInPage, seen: (page: SignInPage) => void = () => undefined): SignInPage => {
    seen(given);
    const page = (next: SignInPage) => pageOf(next, seen);
    if (given.at === 'one-time-code')
      return { ...given, submit: async (code) => page(await step(() => given.submit(code))) };
    if (given.at === 'enrolment')
      return { ...given, confirm: async (code) => page(await step(() => given.confirm(code))) };
    return given.at === 'signed-in' ? { ...given, end: () => step(() => given.end()) } : given;
  };
  return { step, vaultOf, pageOf, calls: () => calls };
}
