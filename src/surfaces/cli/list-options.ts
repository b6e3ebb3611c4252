import { FlowError } from '../../foundation/errors.ts';
import { suggest } from '../../language/nearest-name.ts';
import { type Arguments, textOf } from './arguments.ts';
import { timeOption } from './time-option.ts';

/** An option that is one of some words. @throws FlowError usage for another */
export function wordOption(option: string, text: string | undefined, words: readonly string[]): string | undefined {
  if (text === undefined || words.includes(text)) return text;
  throw new FlowError('usage', `unknown ${option} "${text}"`, { hint: suggest(text, words) ?? words.join(', ') });
}

/**
 * The path of a list at the broker, with what is wanted of it.
 * @param names of options that are asked for as they are
 * @throws FlowError usage
 */
export function listPath(
  path: string,
  values: Arguments['values'],
  names: readonly string[],
  states: readonly string[],
): string {
  const query = new URLSearchParams();
  const put = (name: string, value: string | undefined): void => {
    if (value !== undefined) query.set(name, value);
  };
  for (const name of names) put(name, textOf(values, name));
  put('state', wordOption('state', textOf(values, 'state'), states));
  put('since', timeOption(values, 'since', Date.now())?.toString());
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}
