import { readdirSync, readFileSync } from 'node:fs';

/** Those that ask for no more than to be told. */
const compatible = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT'];

const terms = readFileSync('LICENSE', 'utf8').replace(/^[\s\S]*?(?=Permission is hereby granted)/, '');

/**
 * The licences of bundled packages, for one file that goes out with them.
 * @param folders of `node_modules`
 * @throws Error where one asks for more, or has none to tell
 */
export function licencesOf(folders: Iterable<string>): string {
  return [...folders]
    .toSorted()
    .map(licenceOf)
    .join(`\n${'-'.repeat(80)}\n\n`);
}

function licenceOf(folder: string): string {
  const facts = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as Record<string, string>;
  const { name, version, license = 'unknown' } = facts;
  if (!compatible.includes(license)) throw new Error(`${name}: bundled, and its licence is ${license}`);
  const files = readdirSync(folder).filter((file) =>
    /^(?:licen[cs]e|notice|copying|third-party-notices)\b/i.test(file),
  );
  const texts = files.map((file) => readFileSync(`${folder}/${file}`, 'utf8').replaceAll('\r\n', '\n').trim());
  if (texts.length === 0) {
    // MIT without its text: the one that everybody means
    if (license !== 'MIT') throw new Error(`${name}: bundled, and it holds no text of its licence`);
    texts.push(`Copyright (c) the authors of ${name}\n\n${terms.trim()}`);
  }
  return `${[`${name} ${version} (${license})`, ...texts].join('\n\n')}\n`;
}
