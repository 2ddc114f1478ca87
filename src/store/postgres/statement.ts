import { fillPlaceholders, Placeholder, sql, type SQL } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';

/** A statement that was composed once; it is prepared under its name on each connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  bind(values: Readonly<Record<string, unknown>>): unknown[];
}

const dialect = new PgDialect();

export function statement(name: string, query: SQL): Statement {
  const { sql: text, params } = dialect.sqlToQuery(query);
  return {
    name: `vagus_${name}`,
    text,
    bind: (values) => {
      const missing = params.find(
        (param) => param instanceof Placeholder && !Object.hasOwn(values, param.name),
      );
      if (missing) throw new Error(`${name} lacks a value for ${(missing as Placeholder).name}`);
      return fillPlaceholders(params, values);
    },
  };
}

/** A value that is given when the statement is carried out. */
export const given = sql.placeholder;
