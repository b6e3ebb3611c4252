/** Files that hold values, by their names or the ends of their paths. */
const usual =
  `.env .env.* *.env .envrc .netrc _netrc .pgpass .git-credentials .vault-token .aws/credentials .config/op/**
  /proc/**/environ`.split(/\s+/);
/** … and those of the same form that hold none. */
const harmless =
  '.env.example .env.sample .env.template .env.dist .env.defaults .env.schema example.env *.example.env'.split(' ');
/** what a shell may make of a pattern such as `.e*` */
const hidden = ['.env', '.env.local', '.envrc', '.netrc'];

const usualTests = usual.map(globTest);
const harmlessTests = harmless.map(globTest);

/** Whether a file, or what a shell makes of the word, holds values. @param more globs besides the usual */
export function holdsValues(path: string, more: readonly string[]): boolean {
  if (harmlessTests.some((test) => test(path))) return false;
  const tests = [...usualTests, ...more.map(globTest)];
  if (tests.some((test) => test(path))) return true;
  const name = path.replace(/^.*\//s, '');
  return /^\.[^/]*[*?[]/.test(name) && hidden.some(globTest(name));
}

/** Whether a path has the form of a glob: `*.pem` by its name, `secrets/**` by its end, `/etc/x` as a whole. */
export function globTest(glob: string): (path: string) => boolean {
  const form = glob.replaceAll(/\*\*\/|\*\*|[*?]|[.+^${}()|[\]\\]/g, (sign) => {
    if (sign === '**/') return '(?:.*/)?';
    if (sign === '**') return '.*';
    if (sign === '*') return '[^/]*';
    return sign === '?' ? '[^/]' : `\\${sign}`;
  });
  const pattern = new RegExp(`${glob.startsWith('/') ? '^' : '(?:^|/)'}${form}$`, 'is');
  return (path) => pattern.test(path);
}
