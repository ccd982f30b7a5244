import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    // The pages' policy allows no inline script and no data: address.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    // The same sources give the same bytes.
    sourcemap: false,
  },
  server: {
    // `npm run dev` beside a running `wardline serve`.
    proxy: { '/api': process.env.WARDLINE_URL ?? 'http://127.0.0.1:8443' },
  },
  test: { include: ['src/**/*.test.ts'] },
});
