import { Server as HttpServer } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import { ConfigError } from '../config/config-error.ts';
import { isObject, shown } from '../config/shown.ts';
import { configOfSettings, type EngineSettings } from '../config/options.ts';
import { Engine } from './engine.ts';
import { HOOK_MS, type EngineHooks } from './application-hooks.ts';
import type { AnyServer } from '../transport/http/ignored-upgrade.ts';

/**
 * The options of {@link createEngine}: every setting of `docs/configuration.md` as the field of {@link Config} with its
 * name and the default of `vagus serve`. `jwtSecret` or `jwks` is required. There is no admin port unless `adminPort` is
 * set.
 */
export interface EngineOptions extends EngineSettings {
  /**
   * A server of the application to attach to, listening or not. The engine answers `/ws`, `/v1/*`, `/healthz` and
   * `/readyz`, and the application everything else. The engine then ignores `host` and `port`. Without a server it listens
   * on these two.
   */
  readonly server?: AnyServer | undefined;
  /**
   * The application's hooks: what a user may do, and which messages are stored. Each call has a deadline, 1,000 ms by
   * default.
   */
  readonly hooks?: EngineHooks | undefined;
}

/**
 * Starts an engine in this process. It reads no environment, and only those files that options name. It handles no signals,
 * so the application closes it. Rejects with a {@link ConfigError} (`bad_config`) for an invalid option, with a
 * {@link StoreError} (`database_unavailable`, `data_dir_in_use`, `fsync_off`, `migration_busy`, `schema_too_new`) or a {@link ListenError}
 * (`port_taken`, `cannot_listen`, `server_taken`) when store, port or server is unavailable. Migrates the database first.
 *
 * @example
 * const server = http.createServer(app);
 * const engine = await createEngine({ server, jwtSecret, databaseUrl, hooks: { authorize } });
 * server.listen(3000);
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  if (!isObject(options))
    throw new ConfigError(`createEngine takes an object of options, not ${shown(options)}`);
  const { server, hooks = {}, ...settings } = options;
  const config = configOfSettings(settings);
  if (server !== undefined && !isServer(server))
    throw new ConfigError(`server is ${shown(server)}, but must be a server of node:http or node:https`);
  return Engine.start(config, { server, hooks: checkHooks(hooks) });
}

function isServer(given: unknown): boolean {
  return given instanceof HttpServer || given instanceof HttpsServer;
}

function checkHooks(hooks: EngineHooks): EngineHooks {
  if (!isObject(hooks)) throw new ConfigError(`hooks is ${shown(hooks)}, but must be an object of functions`);
  for (const [name, given] of Object.entries(hooks)) {
    if (given === undefined || name === 'deadlineMs') continue;
    if (name !== 'authorize' && name !== 'beforeMessage')
      throw new ConfigError(`hooks.${name} is not a hook; there are authorize and beforeMessage`);
    if (typeof given !== 'function')
      throw new ConfigError(`hooks.${name} is ${shown(given)}, but must be a function`);
  }
  const { deadlineMs = HOOK_MS.standard } = hooks;
  if (!Number.isInteger(deadlineMs) || deadlineMs < HOOK_MS.min || deadlineMs > HOOK_MS.max)
    throw new ConfigError(
      `hooks.deadlineMs is ${shown(deadlineMs)}, but must be a whole number of milliseconds from ${HOOK_MS.min} to ${HOOK_MS.max}`,
    );
  return hooks;
}
