import { fillPlaceholders, Placeholder, sql, type SQL } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';

/** A statement that was composed once. Each connection prepares it under its name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  bind(values: Readonly<Record<string, unknown>>): unknown[];
}

const dialect = new PgDialect();

export function statement(name: string, query: SQL): Statement {
  const { sql: text, params } = dialect.sqlToQuery(query);
  // A value that the text names twice goes to the server once.
  const places = params.map((param, at) => {
    const isSame = (other: unknown): boolean =>
      param instanceof Placeholder && other instanceof Placeholder && other.name === param.name;
    const first = params.findIndex(isSame);
    return first < 0 ? at : first;
  });
  const sent = [...new Set(places)];
  const bound = sent.map((place) => params[place]);
  return {
    name: `vagus_${name}`,
    text: text.replaceAll(/\$(\d+)/g, (_, n) => `$${sent.indexOf(places[Number(n) - 1] as number) + 1}`),
    bind: (values) => {
      const missing = bound.find(
        (param) => param instanceof Placeholder && !Object.hasOwn(values, param.name),
      );
      if (missing) throw new Error(`${name} lacks a value for ${(missing as Placeholder).name}`);
      return fillPlaceholders(bound, values);
    },
  };
}

/** A value that is bound when the statement is carried out. */
export const given = sql.placeholder;
