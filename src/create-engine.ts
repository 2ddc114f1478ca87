import { Server as HttpServer } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import { ConfigError } from './config/config-error.ts';
import { isObject, shown } from './config/shown.ts';
import { configOfSettings, type EngineSettings } from './config/options.ts';
import { Engine } from './engine.ts';
import { HOOK_MS, type EngineHooks } from './host/application-hooks.ts';
import type { AnyServer } from './transport/http/ignored-upgrade.ts';

/**
 * What {@link createEngine} is given: every setting of `docs/configuration.md`, as the field of {@link Config} that has
 * its name, with the default of `vagus serve`; `jwtSecret` or `jwks` must be there. No admin port unless `adminPort` is.
 */
export interface EngineOptions extends EngineSettings {
  /**
   * A server of one's own to attach to, listening or not. `/ws`, `/v1/*`, `/healthz` and `/readyz` are the engine's,
   * everything else stays the application's; `host` and `port` are not used. Without it the engine listens on those two.
   */
  readonly server?: AnyServer | undefined;
  /** What the application has a say in: who may do what, and what is stored. Each is asked with a deadline, 1,000 ms unless told. */
  readonly hooks?: EngineHooks | undefined;
}

/**
 * Starts an engine in this process. It reads no environment and no files but those that options name, and handles no
 * signals: whoever starts it closes it. Rejects with a {@link ConfigError} (`bad_config`) for an option that cannot be used,
 * with a {@link StoreError} (`database_unavailable`, `data_dir_in_use`, `migration_busy`, `schema_too_new`) or
 * {@link ListenError} (`port_taken`, `cannot_listen`, `server_taken`) when store, port or server cannot be had. Migrates the
 * database first.
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
      throw new ConfigError(`hooks.${name} is no hook; there are authorize and beforeMessage`);
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
