import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const readme = readFileSync('README.md', 'utf8');

test('the two commands stand at the top', () => {
  const [block = ''] = /```\n[\s\S]*?```/.exec(readme) ?? [];
  expect(block).toMatch(/^npm ci && npm start\b/m);
  expect(block).toMatch(/^npm ci && npm test\b/m);
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
