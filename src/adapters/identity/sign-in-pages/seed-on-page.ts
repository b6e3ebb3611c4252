import type { HTMLElement } from 'node-html-parser';
import { Secret } from '../../../foundation/secret.ts';
import { normaliseSeed, oneTimePasswordLimits as limits, type OneTimePassword } from '../../../foundation/totp.ts';
import type { PageSelectors } from './known-pages/selectors.ts';

const algorithms = { '1': 'SHA1', '256': 'SHA256', '512': 'SHA512' } as const;

/**
 * The seed that an enrolment page shows, with its facts; those that are not shown are what every authenticator app takes
 * (SHA1, 6 digits, 30 seconds). The words around the facts may be in any language.
 * @returns undefined where it is none that can be stored
 */
export function seedOnPage(root: HTMLElement, names: PageSelectors['enrolment']): OneTimePassword | undefined {
  const text = (selector: string) => root.querySelector(selector)?.text;
  const secret = normaliseSeed(text(names.key) ?? '');
  const digits = number(text(names.digits), 6);
  const period = number(text(names.period), 30);
  const algorithm = algorithmIn(text(names.algorithm));
  if (secret === undefined || root.querySelector(names.counter) !== null) return undefined;
  if (algorithm === undefined || digits < 6 || digits > limits.digits) return undefined;
  // what the vault would not keep: its codes would be others
  if (period < 1 || period > limits.period) return undefined;
  return { secret: new Secret(secret), algorithm, digits, period };
}

function algorithmIn(text: string | undefined): OneTimePassword['algorithm'] | undefined {
  if (text === undefined) return 'SHA1';
  const size = /SHA-?(?<size>512|256|1)(?!\d)/i.exec(text)?.groups?.['size'];
  return size === '1' || size === '256' || size === '512' ? algorithms[size] : undefined;
}

/** @returns 0 where there is text without one number */
function number(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const [found, another] = text.match(/\d+/g) ?? [];
  return found === undefined || another !== undefined ? 0 : Number(found);
}
