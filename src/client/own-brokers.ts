import { isAlive, stateFolder } from '../foundation/state-folder.ts';
import { requireOwnSocket } from './broker-address.ts';

// not as an import, which loads everything that it exports: a tenth of node's own start
const { lstatSync, readdirSync, readFileSync, statSync } = process.getBuiltinModule('node:fs');

type Env = Readonly<Record<string, string | undefined>>;

/**
 * The certificates (PEM) of brokers on this machine that this user can believe: those that it runs itself, by the notes
 * which they leave in its state folder, and that of the one which root lets run as another user.
 * @param env variables of the process, default its own
 * @param published where the latter leaves it: nobody but root can make a folder there
 */
export function ownCertificates(env: Env = process.env, published = '/run/auth-chain'): string[] {
  const found = [...notesIn(stateFolder(env)).map(({ certificate }) => certificate), publishedIn(published)];
  return found.filter(
    (text): text is string => typeof text === 'string' && text.startsWith('-----BEGIN CERTIFICATE-----'),
  );
}

/**
 * The socket of the broker that this user itself runs at an address, by the same notes: it is reached there without the
 * proof that a port needs. Undefined where there is none, or others could have put it there.
 * @param url as `http://127.0.0.1:7700`
 * @param env variables of the process, default its own
 */
export function ownSocket(url: string, env: Env = process.env): string | undefined {
  const path = notesIn(stateFolder(env)).find((note) => note['url'] === url && isRunning(note['pid']))?.['ownSocket'];
  if (typeof path !== 'string') return undefined;
  try {
    requireOwnSocket(path);
    return path;
  } catch {
    return undefined;
  }
}

const isRunning = (pid: unknown) => typeof pid === 'number' && isAlive(pid);

type Note = Readonly<Record<string, unknown>>;

function notesIn(folder: string): readonly Note[] {
  const names = namesIn(folder).filter((name) => /^broker-[0-9a-f]+\.json$/.test(name));
  return names.map((name) => noteIn(`${folder}/${name}`)).filter((note) => note !== undefined);
}

/** Only what nobody else can have written. */
function noteIn(file: string): Note | undefined {
  try {
    const facts = lstatSync(file);
    if (!facts.isFile() || (process.getuid !== undefined && facts.uid !== process.getuid())) return undefined;
    if ((facts.mode & 0o022) !== 0) return undefined;
    const note: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof note === 'object' && note !== null ? { ...note } : undefined;
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
