import { stateFolder } from '../foundation/state-folder.ts';

// not as an import, which loads everything that it exports: a tenth of node's own start
const { lstatSync, readdirSync, readFileSync, statSync } = process.getBuiltinModule('node:fs');

/**
 * The certificates (PEM) of brokers on this machine that this user can believe: those that it runs itself, by the notes
 * which they leave in its state folder, and that of the one which root lets run as another user.
 * @param env variables of the process, default its own
 * @param published where the latter leaves it: nobody but root can make a folder there
 */
export function ownCertificates(
  env: Readonly<Record<string, string | undefined>> = process.env,
  published = '/run/auth-chain',
): string[] {
  const folder = stateFolder(env);
  const notes = namesIn(folder).filter((name) => /^broker-[0-9a-f]+\.json$/.test(name));
  const found = [...notes.map((name) => certificateIn(`${folder}/${name}`)), publishedIn(published)];
  return found.filter((text) => text?.startsWith('-----BEGIN CERTIFICATE-----') === true) as string[];
}

/** Only what nobody else can have written. */
function certificateIn(note: string): string | undefined {
  try {
    const facts = lstatSync(note);
    if (!facts.isFile() || (process.getuid !== undefined && facts.uid !== process.getuid())) return undefined;
    if ((facts.mode & 0o022) !== 0) return undefined;
    const { certificate } = JSON.parse(readFileSync(note, 'utf8')) as { certificate?: unknown };
    return typeof certificate === 'string' ? certificate : undefined;
  } catch {
    return undefined;
  }
}

function publishedIn(folder: string): string | undefined {
  try {
    const [above, own] = [statSync(`${folder}/..`), lstatSync(folder)];
    if (above.uid !== 0 || ((above.mode | own.mode) & 0o022) !== 0 || !own.isDirectory()) return undefined;
    return readFileSync(`${folder}/broker.pem`, 'utf8');
  } catch {
    return undefined;
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
