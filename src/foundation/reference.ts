/**
 * 1Password's secret references, `op://vault/item/[section/]field`, as "Copy secret reference" gives them, and a
 * superset: a part may hold any character, `/` is written `%2F`, and a literal `%` before two hex digits `%25`.
 * Source: https://developer.1password.com/docs/cli/secret-reference-syntax
 */
export interface ReferenceParts {
  readonly vault: string;
  readonly item: string;
  readonly section?: string | undefined;
  /** absent: the reference names the item itself */
  readonly field?: string | undefined;
  /** `?attribute=` or `?attr=`: otp, totp, type, value, id, purpose; for files content, size, id, name, type */
  readonly attribute?: string | undefined;
  /** `?ssh-format=` */
  readonly sshFormat?: string | undefined;
}

export interface ReferenceProblem {
  readonly problem: string;
  readonly hint: string;
}

const scheme = 'op://';
const form = 'write op://vault/item/field or op://vault/item/section/field';
/** `${NAME}`, `$(name)`, `{{ name }}`, `$NAME`, `%NAME%`, `<name>` */
const filledElsewhere = /\$[{(]|\{\{|\$[A-Z_][A-Z0-9_]+(?![a-z])|^\$[A-Za-z_]\w*$|^%[A-Za-z_]\w*%$|^<[^<>]*>$/;
const query = /\?(?<key>attribute|attr|ssh-format)=(?<value>[A-Za-z-]*)$/;
/** of a field, and of a file */
const attributes = ['value', 'id', 'type', 'purpose', 'otp', 'totp', 'content', 'size', 'name'];
/** what is no query, and was surely meant as one */
const nearQuery = /\?(?:attribute|attr|ssh-format|otp|totp)(?:=.*)?$/i;

export class Reference implements ReferenceParts {
  readonly vault: string;
  readonly item: string;
  readonly section: string | undefined;
  readonly field: string | undefined;
  readonly attribute: string | undefined;
  readonly sshFormat: string | undefined;
  readonly #text: string;

  private constructor(parts: ReferenceParts, text: string) {
    this.vault = parts.vault;
    this.item = parts.item;
    this.section = parts.section;
    this.field = parts.field;
    this.attribute = parts.attribute;
    this.sshFormat = parts.sshFormat;
    this.#text = text;
  }

  static looksLike(text: string): boolean {
    return text.startsWith(scheme);
  }

  /** Parses a reference to a field or file, or (two parts) to an item. Never throws. */
  static parse(text: string): Reference | ReferenceProblem {
    if (!text.startsWith(scheme)) return { problem: 'is not a secret reference', hint: form };
    if (/\p{Cc}/u.test(text)) return { problem: 'holds a control character', hint: form };
    const found = query.exec(text);
    const path = text.slice(scheme.length, found?.index);
    if (path.split('/').some((segment) => /^\s|\s$/.test(segment))) {
      return {
        problem: 'has a part that begins or ends with a space',
        hint: 'take it away; a space that belongs to the name is written %20 there',
      };
    }
    if (path.split('/').some((segment) => filledElsewhere.test(segment))) {
      return {
        problem: 'has what a shell or a template would fill in',
        hint: 'write ${{ vars.NAME }}; a $, {, % or < that belongs to the name is written %24, %7B, %25 or %3C',
      };
    }
    const segments = path.split('/').map(decodeSegment);
    if (segments.some((segment) => segment === '')) return { problem: 'has an empty part', hint: form };
    if (segments.length < 2 || segments.length > 4) {
      return { problem: `has ${segments.length} ${segments.length === 1 ? 'part' : 'parts'}`, hint: form };
    }
    const [vault = '', item = '', third, fourth] = segments;
    const key = found?.groups?.['key'];
    const value = found?.groups?.['value'];
    if (key !== undefined && (value === undefined || value === ''))
      return { problem: `has an empty ?${key}=`, hint: form };
    if (key !== undefined && third === undefined) return { problem: `has ?${key}= without a field`, hint: form };
    const word = key === 'ssh-format' ? undefined : value;
    if (word !== undefined && !attributes.includes(word))
      return { problem: `has an attribute "${word}" that no field has`, hint: `one of: ${attributes.join(', ')}` };
    const near = key === undefined ? nearQuery.exec(path)?.[0] : undefined;
    if (near !== undefined)
      return {
        problem: `ends with "${near}", which is no query`,
        hint: 'write ?attribute=otp; a ? that belongs to the name is written %3F there',
      };
    return new Reference(
      {
        vault,
        item,
        section: fourth === undefined ? undefined : third,
        field: fourth ?? third,
        attribute: word,
        sshFormat: key === 'ssh-format' ? value : undefined,
      },
      text,
    );
  }

  static of(parts: ReferenceParts): Reference {
    const path = [parts.vault, parts.item, parts.section, parts.field].filter((part) => part !== undefined);
    const tail =
      parts.attribute === undefined
        ? parts.sshFormat === undefined
          ? ''
          : `?ssh-format=${parts.sshFormat}`
        : `?attribute=${parts.attribute}`;
    return new Reference(parts, `${scheme}${path.map(encodeSegment).join('/')}${tail}`);
  }

  /** The same item, another field. */
  sibling(field: string, section?: string): Reference {
    return Reference.of({ vault: this.vault, item: this.item, section, field });
  }

  /** The item that the field belongs to. */
  get itemReference(): Reference {
    return Reference.of({ vault: this.vault, item: this.item });
  }

  /** As it was written. */
  toString(): string {
    return this.#text;
  }

  toJSON(): string {
    return this.#text;
  }
}

/** One part of a reference, percent-encoded so that it stays one part. */
export function encodeSegment(text: string): string {
  return text.replace(
    /%(?=[0-9A-Fa-f]{2})|^%(?=[A-Za-z_]\w*%$)|[/?]|\p{Cc}|^\s|\s$|\$(?=[{(A-Za-z_])|\{(?=\{)|^<(?=[^<>]*>$)/gu,
    encodeURIComponent,
  );
}

/** What one part of a reference means. */
export function decodeSegment(text: string): string {
  return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) => {
    try {
      return decodeURIComponent(run);
    } catch {
      return run; // not UTF-8: a title that just holds a percent sign
    }
  });
}
