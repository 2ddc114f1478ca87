import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Hono } from 'hono';
import type { HttpEnv } from './guards.ts';

interface PageFile {
  readonly body: Buffer<ArrayBuffer>;
  readonly contentType: string;
  readonly etag: string;
}

/** The files of a page, by the path they are served at. */
export type PageFiles = ReadonlyMap<string, PageFile>;

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.map': 'application/json',
  '.svg': 'image/svg+xml',
};

/** No inline code, nothing from other origins, and no framing. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "connect-src 'self' ws: wss:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "object-src 'none'",
].join('; ');

/** Where the build puts pages. The path is the same from `src` and from `dist`. */
const ROOT = fileURLToPath(new URL('../../../dist/page', import.meta.url));

/**
 * Reads the folders of a built page once. Requests are looked up among these files, so their paths never reach the file
 * system. `index.html` is at `/`.
 */
export function readPages(folders: readonly string[]): PageFiles {
  const names = folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { encoding: 'utf8', recursive: true }).map(
      (name) => `/${folder}/${name}`,
    ),
  );
  return new Map(
    names.flatMap((name) => {
      const contentType = CONTENT_TYPES[extname(name)];
      if (contentType === undefined) return [];
      const body = readFileSync(join(ROOT, name));
      const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
      return [[name.endsWith('/index.html') ? '/' : name, { body, contentType, etag }]];
    }),
  );
}

/** Serves the files. A browser revalidates each time and gets 304, so that after an update it never mixes two versions. */
export function pageRoutes(app: Hono<HttpEnv>, files: PageFiles): void {
  for (const [path, { body, contentType, etag }] of files) {
    app.get(path, (context) => {
      context.header('etag', etag);
      context.header('cache-control', 'no-cache');
      context.header('content-security-policy', CONTENT_SECURITY_POLICY);
      context.header('x-content-type-options', 'nosniff');
      context.header('referrer-policy', 'no-referrer');
      if (context.req.header('if-none-match') === etag) return context.body(null, 304);
      return context.body(body, 200, { 'content-type': contentType });
    });
  }
}
