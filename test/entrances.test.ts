import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseSync } from 'oxc-parser';
import { afterAll, describe, expect, test } from 'vitest';

const repository = resolve(import.meta.dirname, '..');

/** What examples may take as there, besides all that their entrance gives. */
const entrances = {
  'auth-chain': {
    file: 'src/index.ts',
    there: "import { createHash } from 'node:crypto'; declare const flows: Flows;",
  },
  'auth-chain/client': {
    file: 'src/client.ts',
    there: 'declare const client: Client; declare const error: BrokerError; declare const again: () => void;',
  },
  'auth-chain/verify': {
    file: 'src/verify.ts',
    there: "import { createServer } from 'node:http'; declare const verifier: Verifier; declare const token: string;",
  },
};

interface Published {
  readonly name: string;
  readonly isType: boolean;
  /** what stands before its declaration */
  readonly comment: string;
}

/** Everything that a file exports, followed to where it is declared. */
function publishedBy(file: string): readonly Published[] {
  const text = readFileSync(file, 'utf8');
  const { module, comments } = parseSync(file, text);
  return module.staticExports.flatMap(({ start, entries }) =>
    entries.flatMap(({ moduleRequest, importName, exportName, isType }) => {
      if (moduleRequest === null) {
        const comment = comments.find(({ end }) => text.slice(end, start).trim() === '' && end <= start);
        return [{ name: exportName.name ?? '', isType, comment: comment?.value ?? '' }];
      }
      const from = publishedBy(join(dirname(file), moduleRequest.value));
      return importName.name === null ? from : from.filter(({ name }) => name === importName.name);
    }),
  );
}

const published = Object.entries(entrances).flatMap(([entrance, { file }]) =>
  publishedBy(join(repository, file)).map((each) => ({ entrance: entrance as keyof typeof entrances, ...each })),
);

function exampleOf({ comment }: Published): string | undefined {
  const lines = comment.split('\n').map((line) => line.replace(/^\s*\* ?/, ''));
  const start = lines.indexOf('@example');
  return start === -1
    ? undefined
    : lines
        .slice(start + 1)
        .join('\n')
        .trim();
}

/** A file that compiles where the example does. */
function programOf({ entrance, ...each }: (typeof published)[number]): string {
  const example = exampleOf(each) ?? '';
  if (example.includes(`from '${entrance}'`)) return `${example}\n`;
  const names = published
    .filter((other) => other.entrance === entrance)
    .map(({ name, isType }) => (isType ? `type ${name}` : name));
  return `import { ${names.join(', ')} } from '${entrance}';\n${entrances[entrance].there}\n${example}\nexport {};\n`;
}

describe('what the entrances publish', () => {
  const cache = join(repository, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'examples-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(published)('$name of $entrance has an example', (each) => {
    expect(exampleOf(each)?.split('\n').length).toBeLessThan(12);
  });

  test('every example compiles', () => {
    for (const [index, each] of published.entries()) {
      writeFileSync(join(folder, `${index}-${each.name}.ts`), programOf(each));
    }
    const paths = Object.fromEntries(
      Object.entries(entrances).map(([entrance, { file }]) => [entrance, [join(repository, file)]]),
    );
    const compilerOptions = { noUnusedLocals: false, paths, typeRoots: [join(repository, 'node_modules/@types')] };
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: join(repository, 'tsconfig.json'), compilerOptions, include: ['./*.ts'], exclude: [] }),
    );
    const tsc = join(repository, 'node_modules/typescript/bin/tsc');
    const { stdout, stderr, status } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
    expect({ stdout, stderr, status }).toEqual({ stdout: '', stderr: '', status: 0 });
  });
});
