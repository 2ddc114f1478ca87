/**
 * Why a store does not open.
 * - `data_dir_in_use`: another process uses the folder of the embedded database.
 * - `database_unavailable`: the database is unreachable or does not open. `cause` is the driver's error.
 * - `fsync_off`: PostgreSQL does not wait for the disk (`fsync` is off), and no setting allows that.
 * - `migration_busy`: another process has been migrating it, or holding one of its tables, for too long.
 * - `schema_too_new`: a newer version migrated it to a schema that this one does not know.
 */
export type StoreErrorCode =
  'data_dir_in_use' | 'database_unavailable' | 'fsync_off' | 'migration_busy' | 'schema_too_new';

/** The log does not open. The message, one line, says what to do. */
export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
    this.code = code;
  }
}
