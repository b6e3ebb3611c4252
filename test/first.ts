import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes longest, or waits most, begins first: then nothing is left to wait for alone. @param parts of paths, in order */
export const first = (...parts: readonly string[]) =>
  class extends BaseSequencer {
    override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
      const place = ({ moduleId }: TestSpecification) => {
        const at = parts.findIndex((part) => moduleId.includes(part));
        return at === -1 ? parts.length : at;
      };
      return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
    }
  };
