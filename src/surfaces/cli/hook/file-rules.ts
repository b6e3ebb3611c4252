/** Files that hold values, by their names or the ends of their paths. */
const usual =
  `.env .env.* *.env .envrc .netrc _netrc .pgpass .git-credentials .vault-token .aws/credentials .config/op/**
  .ssh/id_* /proc/**/environ`.split(/\s+/);
/** … and those of the same form that hold none. */
const harmless = `.env.example .env.sample .env.template .env.dist .env.defaults .env.schema example.env *.example.env
  .env.*.example .env.*.sample .env.*.template process.env
  import.meta.env .ssh/id_*.pub`.split(/\s+/);
/** what a shell may make of a pattern such as `.e*` */
const hidden = ['.env', '.env.local', '.envrc', '.netrc'];
/** … and of one in a hidden folder, such as `.ssh/*` */
const inHidden = ['.ssh/id_rsa', '.ssh/id_ed25519', '.aws/credentials'];

const usualTests = usual.map(globTest);
const harmlessTests = harmless.map(globTest);

/** Whether a file, or what a shell makes of the word, holds values. @param more tests besides the usual */
export function holdsValues(path: string, more: readonly ((path: string) => boolean)[]): boolean {
  if (harmlessTests.some((test) => test(path))) return false;
  if (usualTests.some((test) => test(path)) || more.some((test) => test(path))) return true;
  const name = path.replace(/^.*\//s, '');
  if (!/[*?]/.test(name)) return false;
  const end = path.split('/').slice(-2).join('/');
  return (
    (/^\.|env/i.test(name) && hidden.some(globTest(name))) || (end.startsWith('.') && inHidden.some(globTest(end)))
  );
}

/**
 * Whether a path has the form of a glob: `*.pem` by its name, `secrets/**` by its end, `/etc/x` as a whole. All ways through it
 * are followed side by side: an agent chooses the path, and where a guard takes long its harness goes on without it.
 */
export function globTest(glob: string): (path: string) => boolean {
  // most paths lack it, which is known at once
  const literal = glob
    .toLowerCase()
    .split(/\*\*\/|[*?]/)
    .reduce((longest, each) => (each.length > longest.length ? each : longest), '');
  const parts = (glob.startsWith('/') ? glob : `**/${glob}`).toLowerCase().match(/\*\*\/|\*\*|[^]/gu) ?? [];
  /** A place among the parts, with those behind what may stand for nothing. */
  function reach(places: Set<number>, place: number): Set<number> {
    let last = place;
    while (!places.has(last) && parts[last]?.startsWith('*') === true) places.add(last++);
    return places.add(last);
  }
  /** of whoever is within the folders of a double star, which end with a slash alone */
  const within = parts.length + 1;
  return (path) => {
    const lower = path.toLowerCase();
    if (!lower.includes(literal)) return false;
    let places = reach(new Set(), 0);
    for (const sign of lower) {
      const next = new Set<number>();
      for (const each of places) {
        const place = each % within;
        const part = parts[place];
        if (part === '**/') next.add(place + within);
        if (part === '**' || (part === '*' && sign !== '/')) reach(next, place);
        else if (part === '**/' ? sign === '/' : part === '?' ? sign !== '/' : part === sign) reach(next, place + 1);
      }
      places = next;
    }
    return places.has(parts.length);
  };
}
