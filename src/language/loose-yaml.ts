import { isMap, isNode, isScalar, parseDocument } from 'yaml';

/** A file's keys with what can be read of each, whatever is wrong with it: for what is only offered. */
export function looseYaml(text: string): Readonly<Record<string, unknown>> {
  const document = parseDocument(text, { logLevel: 'silent', prettyErrors: false, uniqueKeys: false });
  if (!isMap(document.contents)) return {};
  const entries = document.contents.items.flatMap(({ key, value }): [string, unknown][] => {
    if (!isScalar(key) || typeof key.value !== 'string' || !isNode(value)) return [];
    try {
      return [[key.value, value.toJS(document, { maxAliasCount: 0 })]];
    } catch {
      return [];
    }
  });
  return Object.fromEntries(entries);
}
