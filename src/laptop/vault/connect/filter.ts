import { Answer } from '../refusal-answers.ts';

interface Named {
  readonly title: string;
  readonly tags: readonly string[];
}

/** A vault's name is `name` to Connect itself and `title` to some of its clients. */
const form = /^(?<key>name|title|tag) (?<operator>eq|co) (?<value>"(?:[^"\\]|\\.)*")$/;

/**
 * What `?filter=` lets through: SCIM's `eq` and `co` with a JSON string (RFC 7644, section 3.4.2.2); all, where there is
 * none. @throws Answer 400
 */
export function filterOf(query: string): (each: Named) => boolean {
  const filter = new URLSearchParams(query).get('filter');
  if (filter === null || filter === '') return () => true;
  const { key = '', operator = '', value = '' } = form.exec(filter)?.groups ?? {};
  const wanted = textOf(value);
  if (wanted === undefined) throw new Answer(400, 'Invalid filter');
  const fits = (text: string) => (operator === 'eq' ? text === wanted : text.includes(wanted));
  return ({ title, tags }) => (key === 'tag' ? tags.some(fits) : fits(title));
}

function textOf(json: string): string | undefined {
  try {
    return String(JSON.parse(json));
  } catch {
    return undefined;
  }
}
