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

/** The code of a file without its comments: what is said in them is not done. */
export function codeOf(text: string): string {
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
  let code = text;
  for (const [from, to] of [...comments].toSorted((a, b) => b[0] - a[0]))
    code = code.slice(0, from) + code.slice(to);
  return code;
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
