/**
 * The frame of a token that has no request around it, as the first version of the SASL handshake sends them.
 *
 * To remember: a length and the token, nothing else.
 */

/** `token` behind its length. */
export function rawTokenFrame(token: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(4 + token.length);
  frame.writeInt32BE(token.length, 0);
  frame.set(token, 4);
  return frame;
}
