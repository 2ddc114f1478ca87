import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Why a port, address or server is unavailable. `cause` is the system's error. The message, one line, says what to do. */
export class ListenError extends Error {
  readonly code: 'port_taken' | 'cannot_listen' | 'server_taken';

  constructor(code: ListenError['code'], message: string, cause?: Error) {
    super(message, cause && { cause });
    this.name = 'ListenError';
    this.code = code;
  }
}

/** Where to listen, and the setting that changes it. */
export interface Place {
  readonly port: number;
  readonly host: string;
  readonly settings: { readonly port: string; readonly host: string };
}

/** Resolves with the port once the server listens. Rejects with a {@link ListenError} when it cannot. */
export function listen(server: Server, place: Place): Promise<number> {
  const { port, host } = place;
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => reject(cannotListen(place, error));
    server.once('error', failed);
    server.listen({ port, host, backlog: 4_096 }, () => {
      server.off('error', failed);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function cannotListen({ port, host, settings }: Place, error: NodeJS.ErrnoException): ListenError {
  const { code, syscall } = error;
  if (code === 'EADDRINUSE')
    return new ListenError('port_taken', `port ${port} is taken: set ${settings.port} to another one`, error);
  const why =
    syscall === 'getaddrinfo'
      ? `there is no host ${host} (${code}): ${settings.host} names it`
      : `${host}:${port} cannot be listened on (${code}): set ${settings.host} and ${settings.port} to what this process may have`;
  return new ListenError('cannot_listen', why, error);
}
