/// <reference types="vitest/config" />
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// The demo, which the local stack serves at its root; and the tests.
export default defineConfig({
  plugins: [react()],
  build: {
    outDir: 'dist/demo',
    emptyOutDir: true,
    manifest: true,
    // Everything the page loads is a file of its own: its content security policy knows no data: scripts or styles.
    assetsInlineLimit: 0,
  },
  server: { proxy: { '/api': 'http://127.0.0.1:3000', '/local': 'http://127.0.0.1:3000' } },
  test: {
    environment: 'jsdom',
    globals: true,
    setupFiles: ['src/testing/setup.ts'],
    css: { modules: { classNameStrategy: 'non-scoped' } },
    restoreMocks: true,
    // Where a machine is busy, five seconds are little for a form that is filled in.
    testTimeout: 30_000,
  },
});
