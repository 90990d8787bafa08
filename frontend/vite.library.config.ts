import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const plain = (fileName: string) => fileName.replace(/\.module\.css$/, '.css');

/** Lets each module import the styles it needs, so that who imports one component gets its styles and no others. */
function importStyles(): Plugin {
  return {
    name: 'import-styles',
    enforce: 'post',
    generateBundle(_options, bundle) {
      for (const chunk of Object.values(bundle)) {
        // Class names are final here: under this name the application's own bundler would change them once more.
        chunk.fileName = plain(chunk.fileName);
        if (chunk.type !== 'chunk') continue;
        const up = '../'.repeat(chunk.fileName.split('/').length - 1) || './';
        const imports = [...(chunk.viteMetadata?.importedCss ?? [])].map(
          (file) => `import '${up}${plain(file)}';\n`,
        );
        chunk.code = imports.join('') + chunk.code;
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), importStyles()],
  build: {
    outDir: 'dist/library',
    emptyOutDir: true,
    cssCodeSplit: true,
    minify: false,
    lib: { entry: 'src/index.ts', formats: ['es'] },
    rolldownOptions: {
      // Packages stay imports: the application that embeds the components installs each of them once.
      external: /^(?![./]|\0|[A-Za-z]:)/,
      output: { preserveModules: true, preserveModulesRoot: 'src', entryFileNames: '[name].js' },
    },
  },
});
