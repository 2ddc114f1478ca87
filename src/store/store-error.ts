/**
 * - `data_dir_in_use`: another process has the folder of the embedded database.
 * - `database_unavailable`: it cannot be reached or opened; `cause` is the driver's error.
 * - `migration_busy`: another process has been migrating it, or holding a table of it, for too long.
 * - `schema_too_new`: a newer version has migrated it to what this one is too old for.
 */
export type StoreErrorCode = 'data_dir_in_use' | 'database_unavailable' | 'migration_busy' | 'schema_too_new';

/** Why the log cannot be opened. The message, one line, says what to do. */
export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
    this.code = code;
  }
}
