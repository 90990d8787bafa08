import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const withoutModule = (fileName: string) => fileName.replace(/\.module\.css$/, '.css');

/** Make each module import its own styles, so that an application gets the styles of the components it imports only. */
function importStyles(): Plugin {
  return {
    name: 'import-styles',
    enforce: 'post',
    generateBundle(_options, bundle) {
      for (const chunk of Object.values(bundle)) {
        // Class names are final. A bundler would rename the classes of a .module.css file again.
        chunk.fileName = withoutModule(chunk.fileName);
        if (chunk.type !== 'chunk') continue;
        const up = '../'.repeat(chunk.fileName.split('/').length - 1) || './';
        const imports = [...(chunk.viteMetadata?.importedCss ?? [])].map(
          (file) => `import '${up}${withoutModule(file)}';\n`,
        );
        chunk.code = imports.join('') + chunk.code;
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), importStyles()],
  resolve: { tsconfigPaths: true },
  build: {
    outDir: 'dist/library',
    emptyOutDir: true,
    cssCodeSplit: true,
    minify: false,
    lib: { entry: 'src/index.ts', formats: ['es'] },
    rolldownOptions: {
      // Do not bundle packages: the application installs each of them once. `@/` is this library's own source.
      external: /^(?!@\/|[./]|\0|[A-Za-z]:)/,
      output: { preserveModules: true, preserveModulesRoot: 'src', entryFileNames: '[name].js' },
    },
  },
});
