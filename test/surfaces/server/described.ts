import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { expect } from 'vitest';

interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}
interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}

/** Holds answers to the document that the server itself serves. */
export async function describedBy(url: string) {
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as Described;
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  const forms = Object.entries(document.paths).map(([path, operations]) => ({
    path,
    form: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
    operations,
  }));

  /** @param path as it was asked for; what no route is for is held to the problems of any route */
  return function expectDescribed(
    method: string,
    path: string,
    answer: { readonly status: number; readonly type: string; readonly body: string },
  ): void {
    const found = forms.find(({ form }) => form.test(path.split('?')[0] ?? ''))?.operations[method.toLowerCase()];
    const responses = found?.responses;
    const type = answer.type.split(';')[0] ?? '';
    // what no route is for is a problem with its code
    const described = responses?.[String(answer.status)]?.content[type]?.schema;
    if (responses === undefined) {
      expect([403, 404, 405, 417, 421], `${method} ${path} answered ${answer.status} ${type}`).toContain(answer.status);
      expect(JSON.parse(answer.body)).toMatchObject({ status: answer.status, code: expect.any(String) });
      return;
    }
    if (described === undefined) expect.fail(`${method} ${path}: ${answer.status} ${type} is not described`);
    const value: unknown = type.includes('json') ? JSON.parse(answer.body) : answer.body;
    const validate = ajv.compile(described);
    expect(validate(value) ? [] : validate.errors, `${method} ${path} ${answer.status}`).toEqual([]);
  };
}
