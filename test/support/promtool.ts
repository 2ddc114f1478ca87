import { spawnSync } from 'node:child_process';
import { findOrInstall, findProgram } from './debian.ts';

let path: string | undefined;

/** What Prometheus's own checker says of metrics in its text format; empty when it finds nothing. */
export function promtoolCheck(metrics: string): string {
  path ??= findOrInstall({
    name: 'promtool',
    debianPackage: 'prometheus',
    hint: 'set PROMTOOL_PATH to it',
    find: () => process.env['PROMTOOL_PATH'] ?? findProgram(['promtool'], ['/usr/bin', '/usr/local/bin']),
    unpack: 'usr/bin/promtool',
  });
  const { status, stdout, stderr } = spawnSync(path, ['check', 'metrics'], {
    input: metrics,
    encoding: 'utf8',
  });
  const output = `${stdout}${stderr}`;
  return status === 0 ? output : output || `promtool ended with ${status}`;
}
