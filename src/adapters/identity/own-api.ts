import { type bearerKeys, bearerOf, bearerProblems } from '../bearer.ts';
import type { KeyProblem } from '../declaration.ts';
import type { LaptopDouble } from '../laptop-stack.ts';
import type { InputOf } from '../../language/forms.ts';
import type { IdentityServices } from './adapter.ts';

/** What the laptop gives a provider that is asked by an API of its own: that API is played there. */
export interface PlayedApi {
  readonly double: LaptopDouble | undefined;
}

/** Where it is on the laptop, whose token stands nowhere. */
export function apiOfLaptop(double: LaptopDouble | undefined) {
  return { url: double?.url ?? '', double, token: undefined, 'token-flow': undefined };
}

/** What the code of its adapter is made with, whichever it is. */
export function apiOptions(
  settings: { readonly url: string } & Pick<InputOf<typeof bearerKeys>, 'token'> & Partial<PlayedApi>,
  services: IdentityServices,
) {
  const { name, development, now, way } = services;
  const token = bearerOf(settings, services, settings.double?.token);
  return { name, url: settings.url, development, now, fetch: way.fetch, token };
}

/**
 * What is wrong with where it is, and with its token: paths of its API are added to the address here.
 * @param below what an address has that names more than the provider. @param what it is the address of: `an org`
 */
export function apiProblems(
  url: string | undefined,
  given: ReadonlySet<string>,
  below: RegExp,
  what: string,
  hint: string,
): readonly KeyProblem[] {
  const isMore = url !== undefined && below.test(url);
  const wrong = isMore ? [{ key: 'url', problem: `is more than the address of ${what}`, hint }] : [];
  return [...wrong, ...bearerProblems(given)];
}
