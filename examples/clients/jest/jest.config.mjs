/** Set-up files may be ES modules whatever the tests are; these tests need no transformation. */
export default {
  testMatch: ['**/*.test.cjs'],
  transform: {},
  globalSetup: 'millrace/testing/jest-setup',
  globalTeardown: 'millrace/testing/jest-teardown',
};
