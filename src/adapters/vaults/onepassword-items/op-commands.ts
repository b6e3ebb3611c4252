import { quoted } from '../../../foundation/shell-words.ts';
import type { FieldNeeds, ItemNeeds, VaultSetup } from '../adapter.ts';

/** How a person makes the items that flows need, with 1Password's command `op`. */
export const opItems: Pick<VaultSetup, 'itemsNote' | 'item'> = {
  itemsNote: '# items; create them where they are not there yet, and fill the empty fields in the app',
  item: commandOf,
};

/** Fields that an item of a category has from the start: they go by their id, without a type. */
const builtIn: Readonly<Record<string, readonly string[]>> = {
  Login: ['username', 'password', 'notesPlain'],
  Password: ['password', 'notesPlain'],
  'API Credential': ['username', 'credential', 'hostname', 'notesPlain'],
};

function commandOf({ reference, fields }: ItemNeeds): string {
  if (/^[a-z2-7]{26}$/.test(reference.item)) {
    const names = fields.map(({ section, name }) => (section === undefined ? name : `${section}/${name}`)).join(', ');
    return `# item ${reference.item} is named by its id, which a new one would not have; it needs: ${names}\n`;
  }
  const all = fields;
  const generates = all.some((each) => each.type === 'key' && isPassword(each));
  const category = categoryOf(all);
  const known = builtIn[category] ?? [];
  const assigned = all
    .filter((each) => each.type !== 'otp' && each.type !== 'ssh' && !(generates && isPassword(each)))
    .map(({ section, name, type }) => {
      const own = known.find((id) => section === undefined && id.toLowerCase() === name.toLowerCase());
      if (own !== undefined) return ` ${own}=`;
      const path = [section, name].filter((part) => part !== undefined).map(escaped);
      return ` ${quoted(`${path.join('.')}[${type === 'key' ? 'password' : type}]=`)}`;
    });
  const option = generates ? ' --generate-password=letters,digits,32' : '';
  // its value is an otpauth URI, and never empty
  const codes = all.filter(({ type }) => type === 'otp').map(({ name }) => `# then add to it in the app: ${name}\n`);
  return `op item create --category ${quoted(category)}${option} --vault ${quoted(reference.vault)} --title ${quoted(reference.item)}${assigned.join('')}\n${codes.join('')}`;
}

/** As people would file it: where a person signs in, where a program does, what is but one password. */
function categoryOf(fields: readonly FieldNeeds[]): string {
  if (fields.some(({ type }) => type === 'ssh')) return 'SSH Key';
  if (fields.length > 0 && fields.every((each) => each.type === 'key' && isPassword(each))) return 'Password';
  const signsIn = fields.length === 0 || fields.some((each) => each.type === 'otp' || isPassword(each));
  return signsIn ? 'Login' : 'API Credential';
}

function isPassword({ section, name }: FieldNeeds): boolean {
  return section === undefined && name.toLowerCase() === 'password';
}

/** As `op` wants special characters of a field's name. */
function escaped(field: string): string {
  return field.replace(/[\\=.]/g, String.raw`\$&`);
}
