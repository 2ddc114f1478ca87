import type { EntryOutcome, StoreReply, StoreRequest } from '../../runtime/ports/log-store.ts';

/** A statement, for the trace. */
export function detail(request: StoreRequest): string {
  switch (request.call) {
    case 'append':
      return ` ${request.owner} ${request.appends.map(({ channel, epoch, entry }) => `${channel}@${epoch} ${entry.id}`).join(', ')}`;
    case 'claim':
      return ` ${request.owner} ${request.claims.map(({ channel, mode, epoch }) => `${channel} ${mode} ${epoch}`).join(', ')}`;
    case 'page':
      return ` ${request.channel} ${JSON.stringify(request.start)}`;
    case 'places':
      return ` ${request.places.map(({ channel, seq }) => `${channel} ${seq}`).join(' ')}`;
    case 'heads':
      return ` ${request.channels.join(' ')}`;
    default:
      return '';
  }
}

/** Its outcome, for the trace. */
export function outcome(reply: StoreReply): string {
  if (!reply.ok) return ` ${reply.failure}`;
  const { value } = reply;
  if (value instanceof Map) return ` ${JSON.stringify([...(value as Map<string, unknown>)])}`;
  if (!Array.isArray(value)) return '';
  return ` ${(value as EntryOutcome[])
    .map((one) => ('seq' in one ? `${one.type}:${one.seq}` : one.type))
    .join(' ')}`;
}
