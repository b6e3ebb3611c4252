import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes longest, or waits most, begins first: then nothing is left to wait for alone. */
export const first = (part: string) =>
  class extends BaseSequencer {
    override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
      const sorted = await super.sort(files);
      const isFirst = ({ moduleId }: TestSpecification) => moduleId.includes(part);
      return [...sorted.filter(isFirst), ...sorted.filter((file) => !isFirst(file))];
    }
  };
