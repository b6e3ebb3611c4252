import { ScimError } from './scim-errors.ts';

/** A filter that this server understands: `userName eq "x"` or `externalId eq "x"`. */
export interface ScimFilter {
  readonly attribute: 'userName' | 'externalId';
  readonly value: string;
}

const known = new Map<string, ScimFilter['attribute']>([
  ['username', 'userName'],
  ['externalid', 'externalId'],
]);

/** RFC 7644, section 3.4.2.2: names and operators without case, the value a JSON string. @throws ScimError */
export function parseFilter(text: string): ScimFilter {
  const match = /^\s*(?:urn:ietf:params:scim:schemas:core:2\.0:User:)?(?<name>\w+)\s+eq\s+(?<value>".*")\s*$/is.exec(
    text,
  );
  const attribute = known.get(match?.groups?.['name']?.toLowerCase() ?? '');
  const value = jsonString(match?.groups?.['value'] ?? '');
  if (attribute === undefined || value === undefined) {
    throw new ScimError(400, 'only userName eq "…" and externalId eq "…" are supported', 'invalidFilter');
  }
  return { attribute, value };
}

function jsonString(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
