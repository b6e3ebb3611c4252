import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { generated, pages, sections } from '../../infra/generate.ts';
import { stepKinds } from '../../src/steps/index.ts';

const root = new URL('../../', import.meta.url);

describe('what is generated', () => {
  const files = generated();

  it.each([...files.keys()])('is current: %s (else: npm run generate)', (path) => {
    expect(readFileSync(new URL(path, root), 'utf8')).toBe(files.get(path));
  });

  it.each(Object.keys(sections))('stands on one page: %s', (name) => {
    const holds = (page: string) => files.get(page)?.includes(`<!-- ${name} -->\n`);
    expect(pages.filter(holds)).toHaveLength(1);
  });

  it('tells of every step kind, every key and every field', () => {
    const text = sections['steps']?.() ?? '';
    for (const kind of stepKinds.values()) {
      const part = text.slice(text.indexOf(`\`${kind.name}\``)).split('####')[0] ?? '';
      expect(part).toContain(kind.summary);
      for (const name of [...Object.keys(kind.with), ...Object.keys(kind.output)])
        expect(part).toContain(`\`${name}\``);
    }
  });
});
