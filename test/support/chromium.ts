import { chromium, type Browser } from 'playwright-core';
import { findOrInstall, findProgram } from './debian.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** It talks to nobody but the page. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** People's browsers keep pages that are left by a link; for automation that is turned off. */
const NO_CACHE = '--disable-back-forward-cache';

/** A Chromium without a window; the machine's own, installed when that is possible and allowed. */
export function launchChromium({ keepsPages = false } = {}): Promise<Browser> {
  const ignoreDefaultArgs = keepsPages ? [NO_CACHE] : [];
  return chromium.launch({
    executablePath: findChromium(),
    headless: true,
    args: ARGUMENTS,
    ignoreDefaultArgs,
  });
}

function findChromium(): string {
  return findOrInstall({
    name: 'Chromium',
    debianPackage: 'chromium',
    hint: 'set CHROMIUM_PATH to a Chromium or Chrome',
    find: () =>
      process.env['CHROMIUM_PATH'] ??
      findProgram(NAMES, ['/usr/bin', '/usr/local/bin', '/snap/bin']) ??
      findProgram(['Google Chrome'], ['/Applications/Google Chrome.app/Contents/MacOS']),
  });
}
