import type { ZodType } from 'zod';

/** Reads the JSON of an answer; undefined where it is none of this kind. */
export function answerReader<T>(schema: ZodType<T>): (body: string) => T | undefined {
  return (body) => {
    try {
      const result = schema.safeParse(JSON.parse(body));
      return result.success ? result.data : undefined;
    } catch {
      return undefined;
    }
  };
}
