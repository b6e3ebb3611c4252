import * as fc from 'fast-check';
import { parse } from 'node-html-parser';
import { describe, expect, test } from 'vitest';
import { pageHeaders } from '../../../src/laptop/identity-provider/page-headers.ts';
import { html } from '../../../src/laptop/identity-provider/html.ts';
import { ScimError } from '../../../src/laptop/identity-provider/scim-errors.ts';
import { parseFilter } from '../../../src/laptop/identity-provider/scim-filter.ts';
import {
  parseNewUser,
  parsePatch,
  patchSchema,
  userSchema,
} from '../../../src/laptop/identity-provider/scim-resources.ts';

describe('html', () => {
  test('any text comes out as it went in, as text and as an attribute', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const body = parse(html`<p title="${text}">${text}</p>`.text);
        const paragraph = body.querySelector('p');
        expect(body.querySelectorAll('*')).toHaveLength(1);
        expect(paragraph?.getAttribute('title')).toBe(text);
        expect(paragraph?.text).toBe(text);
      }),
    );
  });

  test('markup goes in as it is, nothing for what is absent', () => {
    const items = [1, 2].map((n) => html`<li>${n}</li>`);
    const body = parse(
      html`<ul title="${undefined}">
        ${items}${false}
      </ul>`.text,
    );
    expect(body.querySelectorAll('ul > li').map(({ text }) => text)).toEqual(['1', '2']);
    expect(body.textContent.trim()).toBe('12');
    expect(body.querySelector('ul')?.getAttribute('title')).toBe('');
  });
});

describe('page headers', () => {
  test.each([
    [undefined, "form-action 'self';"],
    ['not an address', "form-action 'self';"],
    ['https://app.example:8443/cb?x=1', "form-action 'self' https://app.example:8443;"],
    ['com.example.app:/cb', "form-action 'self' com.example.app:;"],
    ["https://a.example/;script-src 'unsafe-inline'", "form-action 'self' https://a.example;"],
  ])('a form may lead to %s', (destination, expected) => {
    expect(pageHeaders(destination)['Content-Security-Policy']).toContain(expected);
  });
});

describe('SCIM filters', () => {
  test('any value round-trips', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.constantFrom('userName', 'externalId'), (value, attribute) => {
        expect(parseFilter(`${attribute} eq ${JSON.stringify(value)}`)).toEqual({ attribute, value });
      }),
    );
  });

  test('any other text is refused as a SCIM error', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!/eq/i.test(text));
        expect(() => parseFilter(text)).toThrow(ScimError);
      }),
    );
  });
});

describe('SCIM bodies', () => {
  const key = fc.constantFrom('userName', 'externalId', 'name', 'emails', 'active', 'password', '__proto__', 'x');
  test('anything is parsed or refused, never a crash, and a refusal holds no value', () => {
    fc.assert(
      fc.property(fc.dictionary(key, fc.jsonValue()), fc.uuid(), (body, marker) => {
        for (const attempt of [
          () => parseNewUser({ schemas: [userSchema], ...body, password: [marker] }),
          () =>
            parsePatch({ schemas: [patchSchema], Operations: [{ op: 'replace', value: { ...body, active: marker } }] }),
        ]) {
          const outcome = caught(attempt);
          expect(outcome).toBeInstanceOf(ScimError);
          expect(String(outcome)).not.toContain(marker);
        }
      }),
    );
  });
});

function caught(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
