/** The wire's version, announced in the welcome (HS5). A change of the schemas needs a new version (see `history`). */
export const PROTOCOL_VERSION = 1;

/** The one WebSocket subprotocol that the server speaks (HS1). */
export const SUBPROTOCOL = 'vagus.v1';

/** A browser sends its token as a subprotocol entry with this prefix (HS2). The server never echoes it. */
export const TOKEN_SUBPROTOCOL_PREFIX = 'bearer.';
