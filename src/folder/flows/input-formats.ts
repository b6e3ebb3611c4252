const label = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
const hostname = new RegExp(`^${label}(?:\\.${label})*$`);
const mailbox = /^[^\s@<>()[\],;:\\"\p{Cc}]{1,64}@([^\s@]{1,253})$/u;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const date = /^(\d{4})-(\d{2})-(\d{2})$/;

/** JSON Schema's formats that an input may have. */
export const inputFormats = {
  email: (text) => hostname.test(mailbox.exec(text)?.[1] ?? '-'),
  uri: (text) => URL.canParse(text) && !/\s/.test(text),
  uuid: (text) => uuid.test(text),
  date: (text) => {
    const [, year = '', month = '', day = ''] = date.exec(text) ?? [];
    const time = new Date(`${text}T00:00:00Z`);
    return year !== '' && time.getUTCMonth() + 1 === Number(month) && time.getUTCDate() === Number(day);
  },
  hostname: (text) => text.length <= 253 && hostname.test(text),
} as const satisfies Record<string, (text: string) => boolean>;

export type InputFormat = keyof typeof inputFormats;

export function isInputFormat(text: string): text is InputFormat {
  return Object.hasOwn(inputFormats, text);
}
