import type { Flow } from '../../../folder/flows/flow.ts';
import type { InputDefinition } from '../../../folder/flows/inputs.ts';

/** What a flow can be tried with. */
export interface MadeUp {
  /** values of the inputs that have no default, by name */
  readonly given: Readonly<Record<string, string | number | boolean>>;
  /** an input that nothing can be made up for */
  readonly unknown: string | undefined;
}

const ofFormat: Readonly<Record<string, string>> = {
  email: 'ada@example.com',
  uri: 'https://example.com/',
  hostname: 'host.example.com',
  date: '2026-01-01',
  uuid: '6babcaad-604b-40ac-a9d7-9fd97c0b779f',
};

export function madeUpInputs({ inputs }: Flow): MadeUp {
  const wanted = inputs.filter((input) => input.default === undefined);
  const made = wanted.flatMap((input) => {
    const value = exampleOf(input);
    return value === undefined ? [] : [[input.name, value] as const];
  });
  const given = Object.fromEntries(made);
  return { given, unknown: wanted.find(({ name }) => !Object.hasOwn(given, name))?.name };
}

function exampleOf({ type, format, values, pattern }: InputDefinition): string | number | boolean | undefined {
  if (type === 'boolean') return true;
  if (type === 'number') return 1;
  const value = format === undefined ? (values?.[0] ?? 'example') : ofFormat[format];
  return pattern === undefined || (value !== undefined && pattern.test(value)) ? value : undefined;
}
