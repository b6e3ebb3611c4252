import { FlowError } from '../../../foundation/errors.ts';
import type { ApiRules, ApiTarget } from '../contract.ts';
import { namesIn } from '../path-template.ts';

/** characters of an address; servers take more or less, and few less */
const longest = 8_000;

/**
 * The address of a request at an origin, and nowhere else: values fill whole segments, and none can be read as more than one.
 * @throws FlowError refused for what the rules do not allow, invalid-value for what is no segment
 */
export function targetAt(
  origin: string,
  rules: ApiRules,
  { method, path, values = {}, query = {} }: ApiTarget,
): string {
  if (!rules.methods.includes(method)) throw new FlowError('refused', `it may not be asked by ${method}`);
  if (rules.paths?.includes(path) === false) throw new FlowError('refused', `it may not be asked at ${path}`);
  const filled = namesIn(path).reduce((text, name) => text.replace(`{${name}}`, () => segment(name, values)), path);
  const search = new URLSearchParams(
    Object.entries(query).map(([name, value]): [string, string] => [name, whole(name, String(value))]),
  ).toString();
  const address = `${origin}${filled}${search === '' ? '' : `?${search}`}`;
  if (address.length > longest) throw new FlowError('invalid-value', `its address has more than ${longest} characters`);
  const read = new URL(address);
  // what a parser makes of it must be what was written
  if (read.origin !== origin || read.pathname !== filled || read.hash !== '')
    throw new FlowError('refused', 'its address is not read as it is written');
  return address;
}

/** @throws FlowError invalid-value for what would be another text in UTF-8 */
function whole(name: string, value: string): string {
  if (value.isWellFormed()) return value;
  throw new FlowError('invalid-value', `"${name}" of its query has half a character in it`, {
    hint: 'see where it was cut',
  });
}

function segment(name: string, values: Readonly<Record<string, string>>): string {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  if (value === undefined) throw new FlowError('invalid-value', `nothing fills {${name}} of its path`);
  const problem = segmentProblem(value);
  if (problem === undefined) return encodeURIComponent(value);
  throw new FlowError('invalid-value', `"${name}" ${problem}, and fills one segment of a path`, {
    hint: 'take the thing by an id without such characters',
  });
}

/** Servers decode once or twice, and take several characters for a slash or for its end: none of them comes through. */
function segmentProblem(value: string): string | undefined {
  if (value === '') return 'is empty';
  if (/^\.{1,2}$/.test(value)) return 'is a dot segment';
  if (/[/\\%;]/.test(value)) return 'holds one of / \\ % ;';
  if (/\p{C}/u.test(value) || !value.isWellFormed()) return 'holds a control character';
  return undefined;
}
