/**
 * The ways in which a value travels, each once, itself first: escaped as JSON, XML and shells do it, URL-encoded, in hex,
 * and in base64 wherever it starts there. The forms of a short value are short too: how short one may be is for the caller
 * to say.
 * @example
 * formsOf('a"b'); // ['a"b', 'a\\"b', 'a%22b', '612262', 'YSJi', …]
 */
export function formsOf(value: string): readonly string[] {
  const bytes = Buffer.from(value);
  const found = new Set([
    value,
    // as a terminal, HTTP and Windows end their lines
    value.replaceAll(/\r?\n/g, '\n'),
    value.replaceAll(/\r?\n/g, '\r\n'),
    ...jsonForms(value),
    ...urlForms(value.toWellFormed()),
    value.replaceAll(/[&<>"']/g, (sign) => xmlNames[sign] ?? sign),
    value.replaceAll("'", String.raw`'\''`),
    // as Python's shlex.quote has it
    value.replaceAll("'", `'"'"'`),
    // as YAML, SQL and PowerShell double a single quote, and CSV a double one
    value.replaceAll("'", "''"),
    value.replaceAll('"', '""'),
    // as bash's printf %q has it
    value.replaceAll(/[ !"$&'()*,;<>?[\\\]^`{|}]|^[#~]/g, String.raw`\$&`),
    value.replaceAll(/[\\"$`]/g, String.raw`\$&`),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    // as `xxd -p` prints it
    ...inLines(bytes.toString('hex'), 60),
    ...base64Forms(bytes),
  ]);
  found.delete('');
  return [...found];
}

const xmlNames: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** As JavaScript, PHP, Python, Go and .NET write a text in JSON. */
function jsonForms(text: string): readonly string[] {
  const plain = JSON.stringify(text).slice(1, -1);
  const slashes = plain.replaceAll('/', String.raw`\/`);
  const code = (sign: string) => String.raw`\u` + sign.charCodeAt(0).toString(16).padStart(4, '0');
  const ascii = (form: string) => form.replaceAll(/[^ -~]/g, code);
  const quotes = plain.replaceAll(String.raw`\"`, String.raw`\u0022`);
  return [
    plain,
    slashes,
    ascii(plain),
    ascii(slashes),
    plain.replaceAll(/[<>&\u2028\u2029]/g, code),
    quotes.replaceAll(/[^ -~]|[&'+<>`]/g, (sign) => String.raw`\u` + code(sign).slice(2).toUpperCase()),
  ];
}

/** As JavaScript, forms, Python and curl write a text in a URL, in either case. */
function urlForms(text: string): readonly string[] {
  const component = encodeURIComponent(text);
  const strict = component.replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  const form = new URLSearchParams({ v: text }).toString().slice(2);
  const all = [component, strict, strict.replaceAll('%2F', '/'), form];
  return [...all, ...all.map((each) => each.replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()))];
}

/** Whole as it is alone; within something else, without the characters that its neighbours have a part in; both in lines too, where it begins one. */
function base64Forms(bytes: Buffer): readonly string[] {
  const found: string[] = [];
  for (const encoding of ['base64', 'base64url'] as const) {
    const whole = bytes.toString(encoding);
    const [begun = '', ...within] = [0, 1, 2].map((before) => {
      const text = Buffer.concat([Buffer.alloc(before), bytes]).toString(encoding);
      return text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
    });
    for (const width of encoding === 'base64' ? [64, 76] : []) {
      // what follows it, be it a line break, has a part in its end
      for (const text of [whole, begun]) found.push(...inLines(text, width));
    }
    // a few characters stand in any text
    found.push(whole, ...[begun, ...within].filter((text) => text.length >= 4));
  }
  return found;
}

function inLines(text: string, width: number): readonly string[] {
  const lines = text.match(new RegExp(`.{1,${width}}`, 'g')) ?? [];
  return lines.length > 1 ? ['\n', '\r\n', String.raw`\n`].map((end) => lines.join(end)) : [];
}
