import '@testing-library/jest-dom/vitest';
import { cleanup, configure } from '@testing-library/react';
import { server } from './server';

// One second is too short on a busy machine with two cores.
configure({ asyncUtilTimeout: 5_000 });

// An error that React or a library logs fails the test.
const loggedErrors: unknown[][] = [];
console.error = (...args: unknown[]) => {
  // Libraries may update after an event at any time, and browsers have no act().
  if (!String(args[0]).includes('not wrapped in act(')) loggedErrors.push(args);
};
afterEach(() => expect(loggedErrors.splice(0)).toEqual([]));

// A request without a handler is an error and never reaches the network.
beforeAll(() => server.listen({ onUnhandledFrame: 'error' }));
afterEach(() => {
  cleanup();
  server.resetHandlers();
});
afterAll(() => server.close());
