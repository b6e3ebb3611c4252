import { parts } from '../../src/app/parts.ts';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Folder, loadFolder } from '../../src/folder/load-folder.ts';
import type { StepKinds } from '../../src/steps/contract.ts';

/** A folder of flows with these files, which goes away with the test. */
export function folderWith(files: Readonly<Record<string, string | Uint8Array>>): string {
  const dir = mkdtempSync(join(tmpdir(), 'flows-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return dir;
}

/** Loads a folder with these files, the real step kinds and no variables but these. */
export function load(
  files: Readonly<Record<string, string | Uint8Array>>,
  options: { readonly kinds?: StepKinds; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Folder> {
  return loadFolder({
    dir: folderWith(files),
    kinds: options.kinds ?? parts.kinds,
    adapters: parts.adapters,
    env: options.env ?? {},
  });
}

/** `line:column message` of every problem, without the folder. */
export function told({ problems, dir }: Folder): readonly string[] {
  return problems.map(
    ({ file, line, column, message }) => `${file.slice(dir.length + 1)}:${line}:${column} ${message}`,
  );
}

/** The service.yaml of an environment like a real one. */
export const service = `default-environment: production
environments:
  production:
    vars: { prefix: prod, vault: Agents, count: 3, flag: true }
    key: op://Agents/key/password
    vault:
      - { type: onepassword, vaults: [Agents], token: { env: AGENTS_TOKEN } }
      - { type: onepassword, vaults: [Accounts], account: acme }
    issuers:
      main: { url: https://issuer.example/ }
    stores:
      aws: { type: aws-secrets-manager, region: eu-west-1, account: '123456789012' }
`;
