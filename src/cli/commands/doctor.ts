import { ConfigError } from '../../config/config-error.ts';
import { configOf, type Reading } from '../../config/read.ts';
import type { Finding } from '../../store/findings.ts';
import { noSecret } from './run.ts';

/** Examines the settings and the database of `vagus serve`, prints a line for each finding, and returns the exit code. */
export async function doctorCommand(reading: Reading): Promise<number> {
  const findings = await examine(reading);
  for (const { mark, about, text } of findings)
    process.stdout.write(`${mark.padEnd(MARK_WIDTH)}${about.padEnd(ABOUT_WIDTH)}${text}\n`);
  return findings.some(({ mark }) => mark === 'fail') ? 1 : 0;
}

const MARK_WIDTH = 'fail  '.length;
const ABOUT_WIDTH = 'connections  '.length;

async function examine(reading: Reading): Promise<readonly Finding[]> {
  try {
    const config = configOf(reading, { jwtSecret: noSecret });
    // The imports load the drivers only for this command.
    const { storeOptions } = await import('../../engine/actor-options.ts');
    const { examineStore } = await import('../../store/doctor.ts');
    const settings: Finding = { mark: 'ok', about: 'settings', text: 'vagus serve accepts them' };
    return [settings, ...(await examineStore(storeOptions(config)))];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [{ mark: 'fail', about: 'settings', text: error.message }];
  }
}
