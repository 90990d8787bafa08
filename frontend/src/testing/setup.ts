import '@testing-library/jest-dom/vitest';
import { cleanup, configure } from '@testing-library/react';
import { server } from './server';

// A second is too little where two cores run everything at once.
configure({ asyncUtilTimeout: 5_000 });

// What React or a library complains about is a failure of the test that it is in.
const complaints: unknown[][] = [];
console.error = (...words: unknown[]) => {
  // When a library updates by itself after an event is a matter of the machine, and browsers know no act().
  if (!String(words[0]).includes('not wrapped in act(')) complaints.push(words);
};
afterEach(() => expect(complaints.splice(0)).toEqual([]));

// A request that no test has answered for is an error, never the network.
beforeAll(() => server.listen({ onUnhandledFrame: 'error' }));
afterEach(() => {
  cleanup();
  server.resetHandlers();
});
afterAll(() => server.close());
