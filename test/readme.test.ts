import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

const readme = readFileSync('README.md', 'utf8');

test('the two commands stand at the top', () => {
  const [block = ''] = /```\n[\s\S]*?```/.exec(readme) ?? [];
  expect(block).toMatch(/^npm ci && npm start\b/m);
  expect(block).toMatch(/^npm ci && npm test\b/m);
});

test('it is read in one go, and so is what the tour says', () => {
  expect(Buffer.byteLength(readme)).toBeLessThanOrEqual(12 * 1024);
  const [, tour = ''] = /<!-- tour -->\n```\n([\s\S]*?)```\n<!-- \/tour -->/.exec(readme) ?? [];
  const lines = tour.trimEnd().split('\n');
  expect(lines.filter((line) => line.length > 100)).toEqual([]);
  expect([lines.length > 15, lines.length <= 30]).toEqual([true, true]);
});

// outside the checkout that name belongs to someone else's package
test('outside the checkout nobody is told to run bare `npx flows`', () => {
  const outside = readme.slice(readme.indexOf('Outside this checkout'), readme.indexOf('## The command'));
  expect(outside).toContain('npx --no-install flows');
  expect(outside).not.toMatch(/npx flows/);
  const telling = globSync('src/**/*.ts').filter((file) => /npx flows/.test(readFileSync(file, 'utf8')));
  expect(telling.map((file) => file.replaceAll('\\', '/'))).toEqual(['src/surfaces/cli/dev/commands-to-try.ts']);
  const shipped = globSync(['flows/**', 'infra/**'], { withFileTypes: true }).filter((entry) => entry.isFile());
  for (const { parentPath, name } of shipped) {
    const text = readFileSync(`${parentPath}/${name}`, 'utf8');
    expect(text, name).not.toMatch(/npx flows/);
  }
});

const pages = globSync(['*.md', '{src,flows,infra,test}/**/*.md']).map((page) => page.replaceAll('\\', '/'));

describe.each(pages)('%s', (page) => {
  const text = readFileSync(page, 'utf8');
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, to = '']) => to).filter((to) => !/^https?:/.test(to));

  test('every link leads somewhere', () => {
    const broken = links.filter((to) => {
      const [path = '', heading] = to.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      return !existsSync(file) || (heading !== undefined && !headingsOf(file).includes(heading));
    });
    expect(broken).toEqual([]);
  });

  test('every path that it names is there', () => {
    const paths = [...text.matchAll(/(?<![\w./~-])(?:src|test|infra|flows|\.ci)\/[\w./-]*[\w/]/g)].map(
      ([path]) => path,
    );
    for (const [, code = ''] of text.matchAll(/`([^`\n]+)`/g)) {
      const [first = '', ...rest] = code.split('/');
      if (first !== '' && rest.length > 0 && /^[\w./-]+$/.test(code) && existsSync(join(dirname(page), first)))
        paths.push(join(dirname(page), code));
    }
    expect(paths.filter((path) => !existsSync(path) && !madeUp.some((each) => path.startsWith(each)))).toEqual([]);
  });

  test('it is of no one machine', () => {
    expect(text).not.toMatch(/\/(?:work|tmp|home|Users)\/|registry\.npmjs/);
  });
});

/** What a page of the house adds as an example. */
const madeUp = ['src/steps/text-upper-case', 'test/steps/text-upper-case', 'src/adapters/stores/folder/'];
madeUp.push('test/adapters/stores/folder/');

// `flows init` writes it into a folder that has nothing beside it
test('the page of the flows leads nowhere else', () => {
  const links = readFileSync('flows/README.md', 'utf8').matchAll(/\]\(([^)\s]+)\)/g);
  expect([...links].filter(([, to = '']) => normalize(join('flows', to)).startsWith('..'))).toEqual([]);
  expect(readFileSync('flows/README.md', 'utf8')).not.toContain('](../');
});

const claims = [...readFileSync('SECURITY.md', 'utf8').matchAll(/^\| (.+?) \| `(test\/\S+)`: (.+) \|$/gm)];

test.each(claims.map(([, claim, file, title]) => [claim, file, title]))(
  '%s: %s has a test for it',
  (_, file, title) => {
    expect(readFileSync(file ?? '', 'utf8')).toContain(title);
  },
);

test('every claim of SECURITY.md has a test', () => {
  const rows = readFileSync('SECURITY.md', 'utf8').match(/^\| (?!---|claim).*$/gm) ?? [];
  expect(claims).toHaveLength(rows.length);
  expect(rows.length).toBeGreaterThan(30);
});

/** As hosting sites make anchors of headings. */
function headingsOf(file: string): readonly string[] {
  const text = readFileSync(file, 'utf8').replace(/^```[\s\S]*?^```/gm, '');
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
