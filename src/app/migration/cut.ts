import { quoted } from '../../foundation/shell-words.ts';
import type { KvMount } from './kv-source.ts';
import type { MovedSecret } from './migration-file.ts';
import { mountOf } from './plan-migration.ts';

const policy = 'moved-to-1password';

interface Moved {
  readonly path: string;
  readonly mount: KvMount;
  /** in the mount */
  readonly rest: string;
}

/**
 * What closes the old paths, in order, to paste: what to look at first, a policy that denies what moved, what to look at
 * then, and what takes it away.
 */
export function cutText(secrets: readonly MovedSecret[], mounts: readonly KvMount[]): string {
  const moved = secrets.flatMap(({ path, to }): Moved[] => {
    const mount = to === undefined ? undefined : mountOf(path, mounts);
    return mount === undefined ? [] : [{ path, mount, rest: path.slice(mount.path.length) }];
  });
  const byNamespace = [...Map.groupBy(moved, ({ mount }) => mount.namespace)];
  return [
    '# 1. Both sides hold the same, and nobody has read the old one for a week: each ends with 0\n',
    'flows migrate vault verify\n',
    'flows migrate vault readers AUDIT-FILE --since 7d\n',
    '\n# 2. Deny what moved. A policy that denies wins over all others that a token has\n',
    ...byNamespace.map(([namespace, all]) => policyOf(namespace, all)),
    `\n# 3. Give the policy ${policy} to one role after another, and at last to all: add its lines to the policy "default"\n`,
    '\n# 4. After each, nobody is refused: it ends with 0. Who is, is told by name; take the policy back until they have moved\n',
    'flows migrate vault cut AUDIT-FILE --since 1h\n',
    '\n# 5. Weeks later, take away what nobody missed, with all of its versions\n',
    ...byNamespace.flatMap(([namespace, all]) => all.map((each) => removalOf(namespace, each))),
  ].join('');
}

const flag = (namespace: string) => (namespace === '' ? '' : ` -namespace=${quoted(namespace)}`);

function policyOf(namespace: string, all: readonly Moved[]): string {
  const rules = all.map(({ mount, rest }) => {
    const start = mount.path.slice(namespace.length);
    const path = mount.version === 2 ? `${start}data/${rest}` : start + rest;
    // to a policy these stand for more than themselves
    const isPattern = path.endsWith('*') || path.split('/').includes('+') || /[\p{Cc}$%]\{?/u.test(path);
    return isPattern
      ? `# by hand: ${JSON.stringify(path)}\n`
      : `path ${JSON.stringify(path)} { capabilities = ["deny"] }\n`;
  });
  return `bao policy write${flag(namespace)} ${policy} - <<'END'\n${rules.join('')}END\n`;
}

function removalOf(namespace: string, { mount, rest }: Moved): string {
  const start = mount.path.slice(namespace.length);
  const command = mount.version === 2 ? 'kv metadata delete' : 'kv delete';
  return `bao ${command}${flag(namespace)} ${quoted(`-mount=${start}`)} ${quoted(rest)}\n`;
}
