/**
 * The digest of the boundary's words, which the addon reads from this file when it is built. Written by a test:
 * `npx vitest run __test__/reference -u`.
 */
export const BOUNDARY = '3b6173d4f5f46ecd';
