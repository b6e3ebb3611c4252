const known = new Map<string, ReadonlySet<string>>();

/** A value as it may turn up: as it is, or as something on the way may have written it. */
export function formsOf(value: string): ReadonlySet<string> {
  const bytes = Buffer.from(value, 'utf8');
  const forms = [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value), bytes.toString('hex')];
  forms.push(bytes.toString('hex').toUpperCase(), new URLSearchParams({ value }).toString().slice('value='.length));
  // inside of a longer text base64 comes out in one of three ways; the ends depend on the neighbours
  for (const before of [0, 1, 2]) {
    for (const encoding of ['base64', 'base64url'] as const) {
      const text = Buffer.concat([Buffer.alloc(before), bytes])
        .toString(encoding)
        .replace(/=+$/, '');
      const start = Math.ceil((before * 8) / 6);
      const end = Math.floor(((before + bytes.length) * 8) / 6);
      forms.push(text.slice(start, end));
    }
  }
  return new Set(forms);
}

/** Which values turn up in a text, in any form. */
export function found(values: Iterable<string>, text: string): string[] {
  return [...values].filter((value) => {
    const forms = known.get(value) ?? formsOf(value);
    known.set(value, forms);
    return forms.values().some((form) => text.includes(form));
  });
}
