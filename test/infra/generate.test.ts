import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { generated } from '../../infra/generate.ts';
import { stepKinds } from '../../src/steps/index.ts';

const root = new URL('../../', import.meta.url);
const readme = new URL('README.md', root);

describe('what is generated', () => {
  const files = generated(existsSync(readme) ? readFileSync(readme, 'utf8') : undefined);

  it.each([...files.keys()])('is current: %s (else: npm run generate)', (path) => {
    expect(readFileSync(new URL(path, root), 'utf8')).toBe(files.get(path));
  });

  it('tells of every step kind, every key and every field', () => {
    const text = generated('<!-- steps -->\n<!-- /steps -->\n').get('README.md') ?? '';
    for (const kind of stepKinds.values()) {
      const part = text.slice(text.indexOf(`\`${kind.name}\``)).split('####')[0] ?? '';
      expect(part).toContain(kind.summary);
      for (const name of [...Object.keys(kind.with), ...Object.keys(kind.output)])
        expect(part).toContain(`\`${name}\``);
    }
  });
});
