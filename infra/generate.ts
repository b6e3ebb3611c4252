import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parts } from '../src/app/parts.ts';
import { join } from 'node:path';
import { brokerErrorCodes } from '../src/client/error-codes.ts';
import { endings, errorCodes } from '../src/foundation/errors.ts';
import { developmentKeys } from '../src/folder/development/development-keys.ts';
import { flowKeys, stepKeys } from '../src/folder/flows/read-flow.ts';
import { inputKeys } from '../src/folder/flows/read-inputs.ts';
import { plainSchema } from '../src/language/json-schema.ts';
import { flowSchema } from '../src/folder/flows/flow-schema.ts';
import { serviceSchema } from '../src/folder/service/service-schema.ts';
import { stepsText } from '../src/steps/reference-text.ts';
import { keysText } from '../src/language/reference-tables.ts';
import { policyKeys } from '../src/folder/policy/policy-keys.ts';
import { registryKeys } from '../src/folder/registry.ts';
import { serviceKeysOf } from '../src/folder/service/service-keys.ts';
import { stepKinds } from '../src/steps/index.ts';

/** What is generated from the definitions of the language: files by path, from the top of the repository. */
export function generated(readme: string | undefined): ReadonlyMap<string, string> {
  const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`;
  const files = new Map([
    ['flows/.schema/flow.schema.json', json(flowSchema(flowKeys, stepKeys, inputKeys, stepKinds))],
    ['flows/.schema/service.schema.json', json(serviceSchema(parts.adapters))],
    ['flows/.schema/policy.schema.json', json(plainSchema('policy.yaml', policyKeys))],
    ['flows/.schema/registry.schema.json', json(plainSchema('registry.yaml', registryKeys))],
    ['flows/.schema/development.schema.json', json(plainSchema('development.yaml', developmentKeys))],
  ]);
  if (readme !== undefined) files.set('README.md', withSections(readme));
  const client = 'src/client/README.md';
  files.set(client, withSections(readFileSync(new URL(`../${client}`, import.meta.url), 'utf8')));
  return files;
}

const sections: Readonly<Record<string, () => string>> = {
  steps: () => stepsText(stepKinds),
  flow: () => [keysText(flowKeys), 'A step:', keysText(stepKeys), 'An input:', keysText(inputKeys)].join('\n\n'),
  service: () => [keysText(serviceKeysOf(parts.adapters))].join('\n\n'),
  development: () => keysText(developmentKeys),
  policy: () => keysText(policyKeys),
  registry: () => keysText(registryKeys),
  'exit-codes': exitCodes,
  'client-codes': clientCodes,
};

/** A text with what stands between `<!-- steps -->` and `<!-- /steps -->`, and so on, generated. */
function withSections(readme: string): string {
  let text = readme;
  for (const [name, make] of Object.entries(sections)) {
    const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
    const [start, end] = [text.indexOf(open), text.indexOf(close)];
    if (start === -1 || end < start) continue;
    text = `${text.slice(0, start + open.length)}\n${make()}\n${text.slice(end)}`;
  }
  return text;
}

function exitCodes(): string {
  const rows = Object.entries(errorCodes).map(([code, { exit, meaning, retryable }]) => {
    const again = retryable ? 'yes' : 'no';
    return `| ${exit} | \`${code}\` | ${meaning} | ${again} |`;
  });
  return [
    '| exit | code | meaning | worth trying again |',
    '| --- | --- | --- | --- |',
    ...Object.values(endings).map(({ exit, meaning }) => `| ${exit} | | ${meaning} | |`),
    ...rows,
  ].join('\n');
}

function clientCodes(): string {
  const rows = Object.entries(brokerErrorCodes).map(
    ([code, { meaning, remedy, retryable }]) =>
      `| \`${code}\` | ${meaning} | ${remedy} | ${retryable ? 'yes' : 'no'} |`,
  );
  return ['| code | meaning | what to do | worth trying again |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

/** Writes them below a folder. @returns the paths that have changed */
export function generate(root: string): readonly string[] {
  const readme = join(root, 'README.md');
  const files = generated(existsSync(readme) ? readFileSync(readme, 'utf8') : undefined);
  mkdirSync(join(root, 'flows/.schema'), { recursive: true });
  const changed = [...files].filter(([path, text]) => {
    const file = join(root, path);
    return !existsSync(file) || readFileSync(file, 'utf8') !== text;
  });
  for (const [path, text] of changed) writeFileSync(join(root, path), text);
  return changed.map(([path]) => path);
}

if (import.meta.main) {
  for (const path of generate(process.cwd())) process.stdout.write(`${path}\n`);
}
