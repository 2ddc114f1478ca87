import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What computes for long in files that are short: nothing to a sequencer that goes by size. */
const LONG = /\.sim\.test\.ts$|\/tidy\.test\.ts$/;

/** Begins with files that take long, so that none of them is left for the end, where one worker would have nothing to do. */
export default class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- it is not that of an array
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean => LONG.test(moduleId);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}
