import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Files of the repository as git knows them, and those it does not ignore. */
export function files(...patterns: string[]): string[] {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '--', ...patterns];
  const listed = execFileSync('git', args, { cwd: ROOT }).toString().split('\n').filter(Boolean);
  return [...new Set(listed)];
}

export function read(file: string): string {
  return readFileSync(`${ROOT}${file}`, 'utf8');
}

/** Where the comments of a file begin and end, in order. */
function commentsIn(text: string): readonly (readonly [from: number, to: number])[] {
  const source = ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest, true);
  const comments = new Map<number, number>();
  const visit = (node: ts.Node): void => {
    const ranges = [
      ...(ts.getLeadingCommentRanges(text, node.getFullStart()) ?? []),
      ...(ts.getTrailingCommentRanges(text, node.getEnd()) ?? []),
    ];
    for (const { pos, end } of ranges) comments.set(pos, end);
    node.getChildren(source).forEach(visit);
  };
  visit(source);
  return [...comments].toSorted((a, b) => a[0] - b[0]);
}

/** The code of a file without its comments: a comment that mentions something does not do it. */
export function codeOf(text: string): string {
  let code = text;
  for (const [from, to] of commentsIn(text).toReversed()) code = code.slice(0, from) + code.slice(to);
  return code;
}

/** The comments of a file as paragraphs, without their markers. Lines of `//` below one another are one comment. */
export function commentsOf(text: string): string {
  let prose = '';
  let last = 0;
  for (const [from, to] of commentsIn(text)) {
    const goesOn = text.startsWith('//', from) && /^\n *$/.test(text.slice(last, from));
    prose +=
      (goesOn ? '\n' : '\n\n') +
      text.slice(from, to).replaceAll(/^ *(\/\/|\/\*\*?|\*(?!\/)) ?| *\*\/$/gm, '');
    last = to;
  }
  return prose;
}

/** The titles of the tests and groups of tests of a file. */
export function titlesOf(text: string): string[] {
  const titles: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const [title] = node.arguments;
      const isTest = /^(test|describe)\b/.test(node.expression.getText(source));
      if (isTest && title && ts.isStringLiteralLike(title) && node.arguments.length > 1)
        titles.push(title.text);
    }
    ts.forEachChild(node, visit);
  };
  const source = ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest, true);
  visit(source);
  return titles;
}

export interface FunctionLength {
  readonly name: string;
  readonly lines: number;
}

/** Functions and methods of a file with their lengths in lines. */
export function functionLengths(text: string): FunctionLength[] {
  const source = ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest, true);
  const found: FunctionLength[] = [];
  const lineOf = (position: number): number => source.getLineAndCharacterOfPosition(position).line;
  const visit = (node: ts.Node): void => {
    if ((ts.isFunctionLike(node) || ts.isClassStaticBlockDeclaration(node)) && 'body' in node && node.body) {
      const name = 'name' in node && node.name ? node.name.getText(source) : '(anonymous)';
      found.push({ name, lines: lineOf(node.getEnd()) - lineOf(node.getStart(source)) + 1 });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}
