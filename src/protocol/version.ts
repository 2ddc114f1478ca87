/** The wire's version, announced in the welcome (HS5). A change of the schemas needs a new one (see `history`). */
export const PROTOCOL_VERSION = 1;

/** The one WebSocket subprotocol that is spoken (HS1). */
export const SUBPROTOCOL = 'vagus.v1';

/** A browser offers its token as a subprotocol entry with this prefix (HS2); it is never echoed. */
export const TOKEN_SUBPROTOCOL_PREFIX = 'bearer.';
